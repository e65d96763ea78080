"""Orders to the keeper: one JSON line there, one back, over a Unix socket in the lab's directory.

The directory may lie deeper than the 108 bytes a socket address holds, so the address goes through the directory's
file descriptor. The directory is the user's alone (mode 0700): who can reach the socket may give orders.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inspector_lab import limits
from inspector_lab.errors import NotRunningError, StateError


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of at most 40 bytes for a path of any length, valid inside the block."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def open_listener(path: Path) -> socket.socket:
    """The keeper's end."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    path.unlink(missing_ok=True)
    with short_path(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    listener.listen(8)
    return listener


def read_order(connection: socket.socket) -> dict[str, Any]:
    """One order; raises OSError when none comes in time, or something that is none."""
    try:
        order = json.loads(read_line(connection))
    except ValueError as failure:
        raise OSError(f"no order: {failure}") from failure
    if not isinstance(order, dict):
        raise OSError("no order: not an object")
    return order


def read_line(connection: socket.socket) -> bytes:
    """Bytes up to the first newline, or to the end."""
    parts = bytearray()
    while not parts.endswith(b"\n") and len(parts) <= limits.control_bytes_max:
        part = connection.recv(65_536)
        if not part:
            break
        parts += part
    return bytes(parts)


def give_order(path: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Send one order to the keeper and return what it reports: `services`, and where nodes have namespaces `faults`.

    Raises NotRunningError when nobody listens, StateError when the order is refused or the reply makes no sense.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(limits.order_s_max)
        try:
            with short_path(path) as name:
                connection.connect(name)
            connection.sendall(json.dumps(order).encode() + b"\n")
            reply = json.loads(read_line(connection))
        except (FileNotFoundError, ConnectionError) as failure:
            raise NotRunningError(f"the keeper of {path.parent} does not listen: {failure}") from failure
        except (TimeoutError, ValueError) as failure:
            raise StateError(f"no sensible reply from the keeper of {path.parent}: {failure}") from failure
    if "refused" in reply:
        raise StateError(f"the keeper of {path.parent} refused: {reply['refused']}")
    report: dict[str, Any] = reply
    return report
