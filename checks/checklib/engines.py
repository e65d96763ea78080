"""What Docker and containerd have in common: a file of settings, and a Unix socket where the daemon answers."""

from __future__ import annotations

import io
import os
import re
import time

from checklib import limits, programs
from checklib.errors import CannotTell, NotApplicable
from checklib.kube import CONFIG, plain
from checklib.kube import OK as STATUS_OK
from checklib.several import WILD
from checklib.structured import find, parse_names
from checklib.values import Observed, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from socket import socket
    from typing import Any

    from checklib.contract import Item
    from checklib.node import Node

OK = "ok"
IMPORTS = "imports"  # of containerd: other files of settings
NOBODY = ""  # there is no such socket
_READ_BYTES = 65_536
# Of proxies and registries people write passwords into these files, in keys and in URLs.
_SECRET = re.compile(r"passw|secret|token|\bauth\b|://[^/\s]{0,512}@", re.IGNORECASE)


class Engine:
    """One of the two.

    title   as people call it
    daemon  its program
    config  its file of settings, and what reads that
    socket  where it answers, if the item does not say otherwise
    """

    __slots__ = ("config", "daemon", "parse", "socket", "title")

    def __init__(self, title: str, daemon: str, config: str, parse: Callable[[str], Any], socket: str) -> None:
        self.title = title
        self.daemon = daemon
        self.config = config
        self.parse = parse
        self.socket = socket


def is_installed(of: Engine, node: Node) -> bool:
    """Whether its program lies where programs lie, also below another root."""
    return any(node.root.exists(f"{directory}/{of.daemon}") for directory in programs.PATH)


def hold_to_host(of: Engine, node: Node) -> None:
    """Raises NotApplicable below another root."""
    if not node.root.is_host:
        raise NotApplicable(f"what {of.title} answers says nothing of {node.root.path}")


def _settings(of: Engine, node: Node) -> Any:
    """The file of settings as a tree. Raises FileNotFoundError, CannotTell."""

    def load() -> Any:
        try:
            tree = of.parse(node.root.text(of.config))
        except CannotTell as error:
            raise CannotTell(f"{of.config}: {error}") from error
        if not isinstance(tree, dict):
            raise CannotTell(f"{of.config} holds no table of settings")
        return tree

    return node.once(f"settings of {of.daemon}", load)


def configured(of: Engine, item: Item, node: Node) -> Observed:
    """A key of its settings; absent where it is not set. Raises NotApplicable where there is no such engine."""
    names = parse_names(item.key[len(CONFIG) :])
    try:
        there, tree = find(_settings(of, node), names)
    except (FileNotFoundError, NotADirectoryError):
        why = f"there is no {of.config}{node.root.whereabouts()}"
        if not is_installed(of, node):
            raise NotApplicable(why) from None
        return Observed({}, exists=False, note=why)
    imported = "" if there else _imported(of, node)
    if imported:
        raise CannotTell(f"it is not in {of.config}, but may be in {imported}, which that imports and is not followed")
    value = plain(tree) if there else None
    is_secret = _SECRET.search("\n".join((item.key, show(value))))
    return Observed({"value": value}, exists=there, shown={"value": lambda: "not shown"} if is_secret else None)


def _imported(of: Engine, node: Node) -> str:
    """A file of settings, or a pattern of some, that the first one takes in; empty where there is none."""
    from fnmatch import fnmatchcase

    told = _settings(of, node).get(IMPORTS)
    for pattern in filter(None, map(str, told if isinstance(told, list) else [])):
        path = pattern if pattern.startswith("/") else f"{of.config.rpartition('/')[0]}/{pattern}"
        folder, _, last = path.rpartition("/")
        if any(fnmatchcase(name, last) for name in node.root.names(folder)) or not WILD.isdisjoint(folder):
            return path
    return ""


def list_settings(of: Engine, node: Node) -> Iterator[str]:
    """The keys of what its settings set, tables whole."""
    try:
        tree = _settings(of, node)
    except (CannotTell, OSError):
        return
    told = tree.items() if isinstance(tree, dict) else ()
    yield from (f"{CONFIG}{name}" for name, value in told if value is not None and re.fullmatch(r"[\w-]+", name))


def socket_of(of: Engine, item: Item) -> str:
    """Where to ask. Raises CannotTell where the item says something that is no place of a socket."""
    path = str(item.parameters.get("socket", of.socket))
    if not path.startswith("/") or len(os.fsencode(path)) > limits.socket_path_bytes_max:
        raise CannotTell(f"{path[:120]!r} is no absolute path of at most {limits.socket_path_bytes_max} bytes")
    return path


def missing(of: Engine, path: str, node: Node) -> Observed:
    """What an item sees of a socket that is not there: absent, or, without such an engine at all, NotApplicable."""
    if not is_installed(of, node):
        raise NotApplicable(f"there is no {path}, and no {of.daemon}")
    return Observed({}, exists=False, note=f"there is no {path}")


def knock(path: str, timeout_s: float) -> str:
    """OK where somebody listens at a socket, NOBODY where it is not there, else why not. Raises PermissionError."""
    return _talk(path, time.monotonic() + timeout_s, lambda _: OK)


def ask(path: str, target: str, timeout_s: float) -> tuple[str, str]:
    """OK and the body that a GET brings, or NOBODY or the reason, and no body. Raises PermissionError.

    Whoever answers byte by byte, or without an end, is not waited for.
    """
    deadline = time.monotonic() + timeout_s
    raw = bytearray()

    def exchange(line: socket) -> str:
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        while len(raw) <= limits.engine_answer_bytes_max:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return "no answer in time"
            line.settimeout(left_s)
            chunk = line.recv(_READ_BYTES)
            if not chunk:
                return OK
            raw.extend(chunk)
        return "too long an answer"

    state = _talk(path, deadline, exchange)
    if state != OK:
        return state, ""
    try:
        status, body = parse_answer(bytes(raw))
    except CannotTell:
        return "no HTTP", ""
    return (OK, body) if status == STATUS_OK else (f"status {status}", "")


def _talk(path: str, deadline: float, talk: Callable[[socket], str]) -> str:
    import socket

    from checklib.reaching import explain

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(max(0.001, deadline - time.monotonic()))
            line.connect(path)
            return talk(line)
    except (FileNotFoundError, NotADirectoryError):
        return NOBODY
    except PermissionError:
        raise
    except OSError as error:
        return explain(error)


class _Heard:
    """An answer that has come, as http.client wants to read it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def parse_answer(raw: bytes) -> tuple[int, str]:
    """The status and the body of a whole HTTP answer. Raises CannotTell where it is none."""
    from http.client import HTTPException, HTTPResponse

    try:
        with HTTPResponse(_Heard(raw)) as response:  # type: ignore[arg-type]  # all it wants of a socket is makefile
            response.begin()
            return response.status, response.read().decode("utf-8", "replace")
    except (HTTPException, ValueError, OverflowError) as error:
        raise CannotTell(f"it speaks no HTTP: {type(error).__name__}") from error
