"""CORE. Expectations as people read them: `at_most 10`, `mode 0644, owner root`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# The properties that go without saying when they stand alone.
MAIN_NAMES: Final = frozenset({"value", "version", "status"})

_PRESENCE: Final = frozenset({"absent", "any"})

MATCHERS: Final = (
    "equals",
    "at_least",
    "at_most",
    "between",
    "one_of",
    "matches",
    "contains",
    "absent",
    "any",
)


def describe(expect: Mapping[str, Mapping[str, object]], main: str | None = None) -> str:
    """Say in one line what is expected.

    expect  property -> matcher -> operand, as in a release: {"value": {"at_most": 10}}
    main    the kind's main property, where the caller knows it
    The property's name is left out where it is the only one, and the main one or one of MAIN_NAMES; and `exists absent`
    is said as `absent`.
    """
    alone = len(expect) == 1
    parts = []
    for name in sorted(expect, key=lambda name: (name != main, name)):
        wanted = " and ".join(_say(matcher, operand) for matcher, operand in sorted(expect[name].items()))
        known = name == main or name in MAIN_NAMES or (name == "exists" and wanted in _PRESENCE)
        parts.append(wanted if alone and known else f"{name} {wanted}")
    return ", ".join(parts)


def _say(matcher: str, operand: object) -> str:
    if matcher == "equals":
        return _text(operand)
    if matcher in _PRESENCE:
        return matcher
    if matcher == "between" and isinstance(operand, list | tuple) and len(operand) == 2:
        return f"between {_text(operand[0])} and {_text(operand[1])}"
    return f"{matcher} {_text(operand)}"


def _text(operand: object) -> str:
    if isinstance(operand, bool):
        return "true" if operand else "false"
    if isinstance(operand, list | tuple):
        return f"[{', '.join(_text(one) for one in operand)}]"
    return '""' if operand == "" else str(operand)
