"""Kernel parameters, as sysctl(8) names them, from /proc/sys below the root."""

from __future__ import annotations

from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observed, Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

PROC_SYS = "/proc/sys"
VALUE_BYTES_MAX = 65_536


def parse_key(key: str) -> str:
    """The file below /proc/sys that a parameter's name means. Raises CannotTell where it cannot be one.

    As sysctl(8): names are separated by dots, and then a slash stands for a dot within a name
    (net.ipv4.conf.eth0/100.rp_filter); where the first separator is a slash, it is the other way round.
    """
    dot, slash = key.find("."), key.find("/")
    path = key if slash >= 0 and not 0 <= dot < slash else key.translate({ord("."): "/", ord("/"): "."})
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise CannotTell(f"{key[:80]!r} names no kernel parameter")
    return path


def observe(item: Item, node: Node) -> Observed:
    """The parameter's value; one that this kernel does not have is absent."""
    try:
        text = node.root.text(f"{PROC_SYS}/{parse_key(item.key)}", VALUE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        node.once("sysctl", lambda: _has_parameters(node))
        return Observed({"value": None}, exists=False)
    return Observed({"value": Words(text)})


def _has_parameters(node: Node) -> None:
    if not node.root.exists(PROC_SYS):
        raise NotApplicable(f"there is no {PROC_SYS}{node.root.whereabouts()}")


KIND = Kind(
    "sysctl",
    title="a kernel parameter",
    chapter="system",
    key="the parameter's name, as sysctl(8) takes it",
    main="value",
    properties={"value": Property("text", "its value; numbers compare as numbers, white space means nothing")},
    example={"vm.swappiness": {"at_most": 10}},
    outcomes=(
        "A parameter that this kernel does not have is absent; na where there is no /proc/sys. Any root with a "
        "/proc/sys can be looked at."
    ),
    reads=["/proc/sys"],
    cost="one read below /proc/sys; 300 parameters take a few milliseconds",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
