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
    "lacks",
    "absent",
    "any",
)


def describe(
    expect: Mapping[str, Mapping[str, object]],
    main: str | None = None,
    from_file: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Say in one line what is expected.

    expect     property -> matcher -> operand, as in a release: {"value": {"at_most": 10}}
    main       the kind's main property, where the caller knows it
    from_file  operands that stand in files of the node: property -> matcher -> path
    The property's name is left out where it is the only one, and the main one or one of MAIN_NAMES; and `exists absent`
    is said as `absent`.
    """
    paths = from_file or {}
    names = expect.keys() | paths.keys()
    alone = len(names) == 1
    parts = []
    for name in sorted(names, key=lambda name: (name != main, name)):
        said = {matcher: _say(matcher, operand) for matcher, operand in expect.get(name, {}).items()}
        said |= {matcher: _say(matcher, f"the text in {path}") for matcher, path in paths.get(name, {}).items()}
        wanted = " and ".join(said[matcher] for matcher in sorted(said))
        known = name == main or name in MAIN_NAMES or (name == "exists" and wanted in _PRESENCE)
        parts.append(wanted if alone and known else f"{name} {wanted}")
    return ", ".join(parts)


def describe_word(
    action: str,
    expect: Mapping[str, Mapping[str, object]],
    main: str | None = None,
    from_file: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Say in one line what one layer does with an item; action: as of a LayerItem."""
    if action == "unset":
        return "unset"
    said = describe(expect, main, from_file)
    return f"append {said}" if action == "append" else said


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
