"""Groups of /etc/group: number, members, and whose own group it is."""

from __future__ import annotations

from checklib import accounts
from checklib.errors import CannotTell
from checklib.kinds import Kind, Property
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.contract import Item
    from checklib.node import Node

_NOT_IN_NAMES = frozenset(":/\n")


def observe(item: Item, node: Node) -> Observed:
    """One group. Of two of the same name the first counts, as in libc."""
    if not _NOT_IN_NAMES.isdisjoint(item.key) or item.key[0] in "+-":
        raise CannotTell(f"{item.key[:80]!r} is no name of a group")
    group = next((one for one in accounts.groups(node) if one.name == item.key), None)
    if group is None:
        accounts.hold_to_files(node, "group")
        return Observed({}, exists=False)
    values: dict[str, Observation] = {"gid": group.gid, "members": sorted(set(group.members))}
    if "primary_of" in item.expect:
        values["primary_of"] = sorted({one.name for one in accounts.accounts(node) if one.gid == group.gid})
    return Observed(values)


def discover(node: Node) -> Iterable[str]:
    """All groups of /etc/group."""
    return dict.fromkeys(group.name for group in accounts.groups(node))


KIND = Kind(
    "group",
    title="a group of /etc/group",
    chapter="accounts",
    key="the group's name",
    main="gid",
    properties={
        "gid": Property("number", "the group's number"),
        "members": Property("list", "who is named in it, in order of names; absent where nobody is"),
        "primary_of": Property("list", "whose own group it is by /etc/passwd, in order of names"),
    },
    default={"gid": {"any": True}},
    example={"shadow": {"equals": 42, "expect": {"members": {"absent": True}, "primary_of": {"absent": True}}}},
    outcomes=(
        "na where there is no /etc/group. A group that is not in it is absent, but an error where nsswitch.conf names "
        "a directory service, which is not asked. Any root can be looked at."
    ),
    reads=["/etc/group", "/etc/passwd", "/etc/nsswitch.conf"],
    cost="one read of the file for all items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
