"""Reads the files that hold secret operands, below the agent's root, in a child: a dead filesystem stops only it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial

import msgspec
import trio

from inspector_agent import below
from inspector_agent.runner import burial, limits
from inspector_agent.runner.burial import Family
from inspector_agent.runner.worker import FINDINGS_FD, Worker, start_reader


class Content(msgspec.Struct, frozen=True, array_like=True):
    """What a file holds, without the newline at its end; or why it cannot be used: then `problem` is not ""."""

    text: str = ""
    problem: str = ""


_decode = msgspec.msgpack.Decoder(dict[str, Content]).decode


async def contents_of(root: str, paths: Collection[str], family: Family) -> Mapping[str, Content]:
    """What each of these absolute paths holds below the root. Never raises; nothing of the child is left."""
    wanted = sorted(set(paths))
    read = wanted[: limits.secret_files_max]
    found = dict.fromkeys(wanted, Content(problem=f"more than {limits.secret_files_max} files hold secrets"))
    if read:
        found |= dict.fromkeys(read, Content(problem=f"no answer for {limits.secret_read_s_max:g} s"))
        try:
            worker = start_reader(partial(_tell, root, read))
        except OSError as error:
            return dict.fromkeys(wanted, Content(problem=f"cannot start a process to read it: {error.strerror}"))
        with family.member(worker.pid), suppress(msgspec.MsgspecError):
            found |= _decode(await _said(worker, family))
    return found


async def _said(worker: Worker, family: Family) -> bytes:
    """All that the child says, b"" if it is not done in time; it is ended."""
    said = bytearray()
    done = False
    try:
        with trio.move_on_after(limits.secret_read_s_max):
            while not done and len(said) <= limits.secret_said_bytes_max:
                await trio.lowlevel.wait_readable(worker.findings_fd)
                piece = os.read(worker.findings_fd, limits.read_bytes)
                said += piece
                done = not piece
    finally:
        with trio.CancelScope(shield=True):
            if await burial.bury(worker.pid, worker.pidfd) is None:
                family.leave_for_later(worker.pid)
            worker.close()
    return bytes(said) if done else b""


def _tell(root: str, paths: Sequence[str]) -> None:
    """In the child."""
    raw = memoryview(msgspec.msgpack.encode({path: _content(root, path) for path in paths}))
    while raw:
        raw = raw[os.write(FINDINGS_FD, raw) :]


def _content(root: str, path: str) -> Content:
    try:
        raw = below.read(root, path, limits.secret_bytes_max + 1)
        text = raw.decode()
    except OSError as error:
        return Content(problem=error.strerror or "it cannot be opened")
    except UnicodeDecodeError:
        return Content(problem="it is no text in UTF-8")
    if len(raw) > limits.secret_bytes_max:
        return Content(problem=f"it has more than {limits.secret_bytes_max} bytes")
    text = text.removesuffix("\n").removesuffix("\r")
    return Content(text) if text else Content(problem="it is empty")
