"""Runs a short-lived process that does what needs memory: a job in, one report out, and nothing of it stays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

import trio

from inspector_agent import limits


async def run_child(command: Sequence[str], job: bytes, seconds: float) -> bytes:
    """Run a command with a job on its stdin; what it printed. Ended after `seconds`, or when this is cancelled."""
    try:
        child, reading, pidfd = _start(command, job)
    except OSError as error:
        return f"cannot start {command[0]}: {error.strerror}".encode()
    said = b"it was ended: no word from it in time"
    try:
        with trio.move_on_after(seconds):
            said = await _all_of(reading)
            await trio.lowlevel.wait_readable(pidfd)
        return said
    finally:
        child.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(limits.child_kill_grace_s):
            await trio.lowlevel.wait_readable(pidfd)
        child.poll()
        os.close(pidfd)


def _start(command: Sequence[str], job: bytes) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start a child on a job: it, the end of the pipe that it prints to, and its pidfd.

    Raises OSError, leaving nothing open and nothing running: a node that is short of descriptors, processes or memory.
    """
    with ExitStack() as until_started, ExitStack() as unless_started:
        stdin = os.memfd_create("job")
        until_started.callback(os.close, stdin)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        until_started.callback(os.close, writing)
        unless_started.callback(os.close, reading)
        os.write(stdin, job)
        os.lseek(stdin, 0, os.SEEK_SET)
        # It returns at once, and the child dies with the thread that starts it, which must be this one.
        child = subprocess.Popen(command, stdin=stdin, stdout=writing, stderr=writing, cwd="/")
        unless_started.callback(child.wait)
        unless_started.callback(child.kill)
        pidfd = os.pidfd_open(child.pid)
        unless_started.pop_all()
        return child, reading, pidfd


async def _all_of(fd: int) -> bytes:
    """What comes from a pipe until its end, within a bound. Closes it."""
    said = b""
    async with trio.lowlevel.FdStream(fd) as stream:
        async for piece in stream:
            said += piece
            if len(said) > limits.child_report_bytes_max:
                break
    return said
