"""CORE. Class, origin, severity and outcome of a deviation as one small number."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from inspector_coord.drift.document import CLASSES, ORIGINS, Class, Origin
from inspector_coord.faces.words import SEVERITIES
from inspector_coord.history.words import HOW as ENDINGS

__all__ = ["CLASS", "CLASS_STEP", "HOW", "MISSED", "ORIGIN", "OUTCOME", "SEVERITY", "Code", "decoded"]

CLASS_STEP: Final = 1000
CLASS: Final = {word: CLASS_STEP * index for index, word in enumerate(CLASSES)}
ORIGIN: Final = {word: 100 * index for index, word in enumerate(ORIGINS)}
SEVERITY: Final = {word: 10 * index for index, word in enumerate(SEVERITIES)}
OUTCOME: Final = {"fail": 0, "error": 1}

HOW: Final = ("", *ENDINGS)
"""How intervals close, "": not yet."""

MISSED: Final = "missed"
"""The state of a node that the last whole sweep could not judge; of what was wrong there some was looked at since."""


class Code(NamedTuple):
    """What a number stands for."""

    class_: Class
    origin: Origin
    severity: str
    outcome: str


@cache
def decoded(code: int) -> Code:
    """The words of a number."""
    origin, severity = ORIGINS[code // 100 % 10], SEVERITIES[code // 10 % 10]
    return Code(CLASSES[code // CLASS_STEP], origin, severity, ("fail", "error")[code % 10])
