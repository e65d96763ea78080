"""The operating system: what os-release(5) below the root says, and the host's name and machine id."""

from __future__ import annotations

import re

from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observed, Value, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from checklib.contract import Item
    from checklib.node import Node

FILES = ("/etc/os-release", "/usr/lib/os-release")  # os-release(5): the first that is there counts
VERSIONS = frozenset({"version_id"})
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_ESCAPED = re.compile(r"\\(.)")


def parse_os_release(text: str) -> dict[str, str]:
    """Fields in small letters -> values. Lines that are no assignments are passed over, as os-release(5) asks."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match:
            fields[match[1].lower()] = _unquote(match[2].strip())
    return fields


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    bare = value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
    return _ESCAPED.sub(r"\1", bare)


def _fields(node: Node) -> dict[str, str]:
    path = node.root.first(*FILES)
    found = parse_os_release(node.root.written(path))
    if not found:
        raise CannotTell(f"{path} says nothing: every system has a name")
    return found


def _hostname(node: Node) -> Value:
    """The running kernel's, else the configured one."""
    path = node.root.first("/proc/sys/kernel/hostname", "/etc/hostname")
    lines = [line.strip() for line in node.root.text(path).splitlines()]
    return next((line for line in lines if line and not line.startswith("#")), None)


def _machine_id(node: Node) -> Value:
    """An image that has not booted yet has an empty one, or the word `uninitialized`: then it is absent."""
    try:
        text = node.root.text("/etc/machine-id").strip()
    except FileNotFoundError:
        return None
    return text if text not in {"", "uninitialized"} else None


OTHERS: dict[str, Callable[[Node], Value]] = {"hostname": _hostname, "machine_id": _machine_id}


def observe(item: Item, node: Node) -> Observed:
    """One field; a field that this system does not set is absent."""
    if not _FIELD.fullmatch(item.key):
        raise CannotTell(f"{item.key[:80]!r} is no field of os-release in small letters")
    if item.key in OTHERS:
        value = OTHERS[item.key](node)
    else:
        try:
            value = node.once("os-release", lambda: _fields(node)).get(item.key)
        except NotApplicable:
            raise NotApplicable(f"there is neither {' nor '.join(FILES)}{node.root.whereabouts()}") from None
    if isinstance(value, str) and item.key in VERSIONS:
        value = Version(value, "plain")
    return Observed({"value": value}, exists=value is not None)


KIND = Kind(
    "os",
    title="the operating system",
    chapter="system",
    key="a field of os-release in small letters (id, version_id, pretty_name …), hostname or machine_id",
    main="value",
    properties={"value": Property("text", "the field's value; version_id is ordered as a version")},
    example={"version_id": {"at_least": "12"}},
    outcomes=(
        "na where there is no os-release; a field that the file does not have is absent. Any root can be looked at."
    ),
    reads=["/etc/os-release", "/usr/lib/os-release", "/etc/hostname", "/etc/machine-id"],
    cost="one read of /etc/os-release for all items together",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
