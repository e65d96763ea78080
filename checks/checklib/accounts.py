"""Names of users and groups as the files below the root have them: no name service of the machine is asked."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.node import Node

_FILES = {"user": "/etc/passwd", "group": "/etc/group"}


def parse_accounts(text: str) -> dict[int, str]:
    """passwd(5) or group(5) -> number -> name. Of several names for one number the first counts, as in libc."""
    names: dict[int, str] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdecimal():
            names.setdefault(int(fields[2]), fields[0])
    return names


def name_of(node: Node, what: str, number: int) -> str:
    """The name of a user or group; its number, as text, where the root knows none. what: "user" or "group"."""
    return node.once(f"accounts of {what}", lambda: _read(node, _FILES[what])).get(number, str(number))


def _read(node: Node, path: str) -> dict[int, str]:
    try:
        return parse_accounts(node.root.text(path))
    except FileNotFoundError:
        return {}
