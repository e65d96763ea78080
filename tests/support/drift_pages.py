"""Documents of the drift report for the tests of its page: the example, a hostile one, an empty one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from inspector_coord.drift.document import Document, decode

EXAMPLE = Path(__file__).parent.parent / "cases" / "drift" / "example.json"

EVIL = (
    "</script><script>evil=1;alert(1)</script>\u2028evil=2//\u2029<img src=x onerror=evil=3>\"'><b onclick=evil=4>"
    "{{7*7}}{a|b}]]>--><!--<svg/onload=evil=5>\u202e\x1b[31m\x00&lt;"
)


def example() -> Document:
    """A bad week of 48 nodes."""
    return decode(EXAMPLE.read_bytes())


def empty() -> Document:
    """Nothing deviates, nothing happened, no sweep was booked."""
    kept = ("schema", "since", "until", "exit_code", "sweeps", "nodes")
    whole = msgspec.to_builtins(example())
    return msgspec.convert({key: whole[key] for key in kept} | {"summary": {}, "exit_code": 0}, Document)


def hostile() -> Document:
    """The example, but every free text is an attack; dates and words of ours stay."""
    return msgspec.convert(_poisoned(msgspec.to_builtins(example()), ""), Document)


# Texts that are not free: of a fixed set, or a time.
FIXED = {
    "schema", "since", "until", "class", "origin", "outcome", "opened", "newest", "confirmed", "closed", "at",
    "first", "last", "fail_on", "id", "states",
}  # fmt: skip


def _poisoned(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {each: _poisoned(inner, each) for each, inner in value.items()}
    if isinstance(value, list):
        if key == "unknown":
            return [[node, EVIL, since] for node, _, since in value]
        return [_poisoned(inner, key) for inner in value]
    return EVIL if isinstance(value, str) and key not in FIXED else value
