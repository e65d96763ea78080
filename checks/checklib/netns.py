"""Looks from within another network namespace, in a process of its own that ends with the look.

A namespace is of a thread, and cannot always be left again: nothing of the process that asks ever enters one. Only
reading happens there; what was read comes back as JSON.
"""

from __future__ import annotations

import json
import os
import signal

from checklib import limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import pids_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from checklib.node import Node

NAMED = "/run/netns"  # where ip-netns(8) and container runtimes keep them
OF_PROCESS = "process:"
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_READ_BYTES = 65_536


def find(node: Node, wanted: str) -> dict[str, str]:
    """Name -> path of the network namespaces that a parameter means.

    wanted  a name below /run/netns, in which * stands for anything, or `process:` with a name or a pid file
    Raises NotApplicable where there is none, and below another root; CannotTell where it cannot mean any.
    """
    if not node.root.is_host:
        raise NotApplicable(f"network namespaces are this machine's: there are none{node.root.whereabouts()}")
    if wanted.startswith(OF_PROCESS):
        found = _of_processes(node, wanted[len(OF_PROCESS) :])
        missing = f"no process {wanted[len(OF_PROCESS) :][:80]} runs here"
    elif "/" in wanted or wanted in {"", ".", ".."}:
        raise CannotTell(f"{wanted[:80]!r} is no name below {NAMED}; that of a process is written process:NAME")
    else:
        from fnmatch import fnmatchcase  # seldom needed

        found = {name: f"{NAMED}/{name}" for name in node.root.names(NAMED) if fnmatchcase(name, wanted)}
        missing = f"there is no network namespace {wanted[:80]} here"
    if not found:
        raise NotApplicable(missing)
    if len(found) > limits.namespaces_max:
        raise CannotTell(f"{wanted[:80]} are more than {limits.namespaces_max} network namespaces")
    return found


def _of_processes(node: Node, whom: str) -> dict[str, str]:
    """The namespaces of all processes of that name, each once; their names are counted, as process numbers differ."""
    found: dict[int, str] = {}
    for pid in pids_of(node, whom):
        path = f"/proc/{pid}/ns/net"
        try:
            found.setdefault(node.root.stat(path).st_ino, path)
        except (FileNotFoundError, ProcessLookupError):  # it has ended since
            continue
    return {f"namespace {place}": path for place, path in enumerate(found.values(), 1)}


def within(path: str, look: Callable[[], Any]) -> Any:
    """What `look` returns in the namespace that the path leads to: anything JSON can carry.

    Raises CannotTell where the namespace cannot be entered or the look ends without an answer; OSError where it cannot
    be opened. However it ends, an alarm of the caller's too, its process has ended with it.
    """
    setns, prctl = _system()
    namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    reading, writing = os.pipe()
    parent, child = os.getpid(), 0
    try:
        child = os.fork()
        if child == 0:
            try:
                prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
                if os.getppid() == parent:
                    _answer(writing, namespace, setns, look)
            finally:
                os._exit(0)  # whatever happens: this process has no business with anything else of its parent's
        os.close(writing)
        raw = _all_of(reading)
    finally:
        os.close(namespace)
        os.close(reading)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if not raw:
        raise CannotTell(f"the look into the network namespace {path} ended without an answer")
    answer = json.loads(raw)
    if "error" in answer:
        raise CannotTell(f"the network namespace {path} cannot be entered: {answer['error']}")
    return answer["seen"]


def _answer(writing: int, namespace: int, setns: Callable[[int], str], look: Callable[[], Any]) -> None:
    error = setns(namespace)
    answer = {"error": error} if error else {"seen": look()}
    with os.fdopen(writing, "wb") as file:
        file.write(json.dumps(answer).encode())


def _all_of(reading: int) -> bytes:
    chunks = [os.read(reading, _READ_BYTES)]
    size = len(chunks[0])
    while chunks[-1]:
        chunks.append(os.read(reading, _READ_BYTES))
        size += len(chunks[-1])
        if size > limits.kernel_list_bytes_max:
            raise CannotTell(f"a network namespace holds more than {limits.kernel_list_bytes_max} bytes of parameters")
    return b"".join(chunks)


def _system() -> tuple[Callable[[int], str], Callable[..., int]]:
    """setns(2), answering what went wrong, and prctl(2): looked up before the fork. Python has setns since 3.12."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def setns(namespace: int) -> str:
        return "" if libc.setns(namespace, _CLONE_NEWNET) == 0 else os.strerror(ctypes.get_errno())

    return setns, libc.prctl
