"""A child process under trio: bounded reading, waiting without a thread, and an end that is certain (trio shell)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from typing import IO

import trio

from inspector_coord.second_pass import limits

__all__ = ["Child"]

READ_BYTES = 65_536


class Child:
    """Started at once, in a session of its own: Ctrl-C at the terminal reaches this program, and this ends the child.

    Use it inside `async with child.ended()`. Standard input stays open until then: a child may take its closing as the
    sign to end.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        self.stdin = _stream(self._process.stdin)
        self.stdout = _stream(self._process.stdout)
        self.stderr = _stream(self._process.stderr)
        self._held = bytearray()

    @property
    def returncode(self) -> int | None:
        """The exit status, once it is known."""
        return self._process.returncode

    async def tell(self, message: bytes) -> None:
        """Write to its standard input; a child that has closed it is not told."""
        with contextlib.suppress(trio.BrokenResourceError):
            await self.stdin.send_all(message)

    async def line(self, bytes_max: int) -> bytes:
        """The next line of its standard output; empty at its end, or when a line grows beyond bytes_max."""
        while (end := self._held.find(b"\n")) < 0 and len(self._held) <= bytes_max:
            more = await self.stdout.receive_some(READ_BYTES)
            if not more:
                return b""
            self._held += more
        line = bytes(self._held[: end + 1])
        del self._held[: end + 1]
        return line

    async def collect(self, stream: trio.lowlevel.FdStream, into: bytearray, bytes_max: int) -> None:
        """Read a stream to its end; `into` holds the last bytes_max bytes of it."""
        while more := await stream.receive_some(READ_BYTES):
            into += more
            del into[:-bytes_max]

    async def gone(self) -> None:
        """Wait for its end."""
        if self._process.poll() is None:
            watch = os.pidfd_open(self._process.pid)
            try:
                await trio.lowlevel.wait_readable(watch)
            finally:
                os.close(watch)
            self._process.wait()

    @contextlib.asynccontextmanager
    async def ended(self) -> AsyncIterator[None]:
        """Whatever happens inside, the process and its session's group are gone afterwards."""
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await self.stdin.aclose()
                with trio.move_on_after(limits.ending_s_max + 1):
                    if self._process.poll() is None:
                        self._process.terminate()
                    await self.gone()
                if self._process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(self._process.pid, signal.SIGKILL)
                    await self.gone()
                await self.stdout.aclose()
                await self.stderr.aclose()


def _stream(pipe: IO[bytes] | None) -> trio.lowlevel.FdStream:
    """The pipe's descriptor, owned by trio from now on."""
    if pipe is None:
        raise ValueError("the child was started without this pipe")
    own = os.dup(pipe.fileno())
    pipe.close()
    return trio.lowlevel.FdStream(own)
