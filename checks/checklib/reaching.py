"""Lines to other machines: names looked up and every address tried, within a time that nothing can stretch."""

from __future__ import annotations

import time

from checklib import limits, matchers, resolving
from checklib.errors import CannotTell, NotApplicable
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation, Value

PORT_MAX = 65_535


class Unreachable(Exception):  # noqa: N818 - it says what was observed, and is no mistake
    """Nobody can be spoken to there. Its text says why, the same on every node.

    is_known  false where it could not even be found out what there is
    """

    def __init__(self, reason: str, *, is_known: bool = True) -> None:
        super().__init__(reason)
        self.is_known = is_known


def unreached(item: Item, reason: Unreachable, values: Mapping[str, Value]) -> Observed:
    """What an item sees that reaches nobody: the values, as far as they are certain, and the reason."""
    told: dict[str, Observation] = dict(values)
    for name, expected in {} if reason.is_known else item.expect.items():
        told[name] = matchers.untold(values.get(name), expected, str(reason))
    return Observed(told, exists=False, note=str(reason))


def hold_to_host(node: Node) -> None:
    """Raises NotApplicable below another root."""
    if not node.root.is_host:
        raise NotApplicable(f"what this machine can reach says nothing of {node.root.path}")


def parse_port(text: str) -> int:
    """A port's number. Raises CannotTell where it is none."""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:6]) <= PORT_MAX:
        raise CannotTell(f"{text[:40]!r} is no port: write a number from 1 to {PORT_MAX}")
    return int(text)


def connect(host: str, port: int, node: Node, deadline: float) -> socket.socket:
    """A line to the first of the host's addresses that takes one; the time left is shared by those still to be tried.

    deadline: of time.monotonic. Raises Unreachable; CannotTell where this machine itself is in trouble.
    """
    found = resolving.addresses_of(host, node, deadline)
    if not found.addresses:
        why = f"{host[:200]} cannot be looked up" if not found.is_known else f"there is no {host[:200]}"
        raise Unreachable("; ".join([why, *found.notes]), is_known=found.is_known)
    tried = found.addresses[: limits.addresses_tried_max]
    reasons: list[str] = []
    for place, address in enumerate(tried):
        until = time.monotonic() + max(0.0, deadline - time.monotonic()) / (len(tried) - place)
        try:
            return _connect(address, port, until)
        except OSError as error:
            reasons.append(explain(error))
    raise Unreachable("; ".join(dict.fromkeys(reasons)))


def _connect(address: str, port: int, until: float) -> socket.socket:
    import errno
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        line = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if errno.errorcode.get(error.errno or 0) == "EAFNOSUPPORT":
            raise
        raise CannotTell(f"no socket can be had: {error.strerror}") from error
    try:
        line.settimeout(max(0.001, until - time.monotonic()))
        line.connect((address, port))
    except BaseException:
        line.close()
        raise
    return line


def explain(error: OSError) -> str:
    """Why there is no line, in words without numbers that differ."""
    import socket

    if isinstance(error, socket.timeout):
        return "no answer in time"
    return error.strerror or str(error)
