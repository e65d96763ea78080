"""runc of a node: its version, and those of what it was built with."""

from __future__ import annotations

from checklib import limits
from checklib.errors import CannotTell
from checklib.kinds import SPAWNS, Kind, Property
from checklib.values import Observed, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

KEYS = ("version", "spec", "go", "libseccomp")


def parse_runc(text: str) -> dict[str, str]:
    """`runc --version`: `runc version 1.1.5+ds1`, then `spec: 1.0.2-dev` and others -> name -> version.

    Raises CannotTell where it says something else.
    """
    first, *rest = text[: limits.text_chars_max].split("\n")
    name, _, version = first.strip().partition(" version ")
    if name != "runc" or not version.split():
        raise CannotTell(f"runc says something unknown: {first.strip()[:80]!r}")
    lines = (line.partition(":") for line in rest)
    told = {name.strip(): value.strip().replace("go1", "1", 1) for name, _, value in lines}
    return {"version": version.split()[0], **{key: told[key] for key in KEYS if told.get(key)}}


def observe(item: Item, node: Node) -> Observed:
    """One version."""
    if item.key not in KEYS:
        raise CannotTell(f"runc has no {item.key[:80]!r}: known are {', '.join(KEYS)}")
    ended = node.tool("runc", "--version", timeout_s=item.timeout_s)
    if ended.code != 0:
        raise CannotTell(f"runc --version ended with {ended.code}")
    value = parse_runc(ended.stdout).get(item.key)
    return Observed({"value": None if value is None else Version(value, "plain")}, exists=value is not None)


KIND = Kind(
    "runc",
    title="runc: its version, and those of what it was built with",
    chapter="containers",
    key="version, spec (of the Open Container Initiative), go or libseccomp",
    keys=KEYS,
    main="value",
    properties={"value": Property("text", "the version, in the order of versions; absent where this runc tells none")},
    example={"version": {"at_least": "1.1.12"}, "libseccomp": {"at_least": "2.5"}},
    outcomes="na where there is no runc, and below another root.",
    reads=["runc --version"],
    cost="one run of runc for all items (some 20 ms)",
    observe=observe,
    effort=SPAWNS,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
