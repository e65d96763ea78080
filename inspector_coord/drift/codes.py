"""CORE. Class, origin, severity and outcome of a deviation as one small number: what the database groups by."""

from __future__ import annotations

from typing import Final, NamedTuple

from inspector_coord.drift.document import CLASSES, ORIGINS, Class, Origin
from inspector_coord.faces.words import SEVERITIES

__all__ = ["CLASS", "NOT_JUDGED", "ORIGIN", "OUTCOME", "SEVERITY", "Code", "decoded"]

CLASS: Final = {word: 1000 * index for index, word in enumerate(CLASSES)}
ORIGIN: Final = {word: 100 * index for index, word in enumerate(ORIGINS)}
SEVERITY: Final = {word: 10 * index for index, word in enumerate(SEVERITIES)}
OUTCOME: Final = {"fail": 0, "error": 1}

NOT_JUDGED: Final = ("node-gone", "pruned", "unknown")
"""How an interval closes about whose node or item nobody knows more: it is no return to normal."""


class Code(NamedTuple):
    """What a number stands for."""

    class_: Class
    origin: Origin
    severity: str
    outcome: str


def decoded(code: int) -> Code:
    """The words of a number."""
    return Code(
        CLASSES[code // 1000], ORIGINS[code // 100 % 10], SEVERITIES[code // 10 % 10], ("fail", "error")[code % 10]
    )
