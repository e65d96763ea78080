"""`inspector watch` and `inspector nodes --watch` as processes, on rings that stand while a file of tests runs."""

from __future__ import annotations

import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from typing import Any

import trio
import yaml

from tests.support.serf import SerfRing, serf_ring
from tests.support.waiting import PATIENCE_S, soon
from tests.support.watching import failed_at, watched_ring

INSPECTOR = str(Path(sys.executable).parent / "inspector")
# The command with other bounds of time, `$1` as JSON: what a person waits for a minute is not waited for here.
HASTY = (
    "import json, sys; from inspector_coord.watch import limits; "
    "[setattr(limits, *item) for item in json.loads(sys.argv.pop(1)).items()]; "
    "from inspector_coord.__main__ import main; main()"
)


@dataclass
class Standing:
    """main: five nodes, n005 is dead; calm: three nodes, without inspection agents, and all is well."""

    main: SerfRing
    calm: SerfRing

    def config(self, folder: Path, **more: object) -> Path:
        """A coordinator.yml with both rings and a cache of its own; `more` stands beside or instead."""
        rings = {"main": {"entries": [self.main[0].rpc]}, "calm": {"entries": [self.calm[0].rpc]}}
        return written(folder, **({"rings": rings} | more))


def written(folder: Path, **content: object) -> Path:
    """A coordinator.yml, with a cache beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "coordinator.yml"
    path.write_text(yaml.safe_dump({"config_center": "http://127.0.0.1:9", "cache": "cache", **content}))
    return path


@contextmanager
def standing() -> Iterator[Standing]:
    """Both rings, in a thread of their own, as long as the context is open."""
    ready, made = threading.Event(), list[Standing]()
    ends: list[Callable[[], None]] = []

    async def stand(folder: Path) -> None:
        token, over = trio.lowlevel.current_trio_token(), trio.Event()
        ends.append(lambda: token.run_sync_soon(over.set))
        async with watched_ring(folder, 5) as watched, serf_ring(3) as calm:
            await watched.ring[4].kill()
            await failed_at(watched.ring[0], "n005")
            made.append(Standing(watched.ring, calm))
            ready.set()
            await over.wait()

    def run(folder: Path) -> None:
        try:
            trio.run(stand, folder)
        finally:
            ready.set()

    with tempfile.TemporaryDirectory(prefix="watch-test-") as folder:
        thread = threading.Thread(target=run, args=[Path(folder)])
        thread.start()
        try:
            ready.wait(2 * PATIENCE_S)
            assert made, "the rings do not stand: their thread has said why"
            yield made[0]
        finally:
            for end in ends:
                end()
            thread.join()


async def inspector(path: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command, to its end."""
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(
            [INSPECTOR, "--config", str(path), *words], capture_stdout=True, capture_stderr=True, check=False
        )


@dataclass
class Run:
    """A command that runs. out, err: all that it has said until now."""

    process: trio.Process
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)

    async def says(self, text: str) -> None:
        """Returns as soon as that is on standard output."""
        await soon(lambda: text.encode() in self.out, f"{text!r} in {self.out.decode()}, {self.err.decode()}")

    async def notes(self, text: str) -> None:
        """Returns as soon as that is on standard error."""
        await soon(lambda: text.encode() in self.err, f"{text!r} in {self.err.decode()}")

    def records(self) -> list[dict[str, Any]]:
        """Whole lines of standard output, as JSON."""
        return [json.loads(line) for line in bytes(self.out).splitlines(keepends=True) if line.endswith(b"\n")]

    async def ends(self) -> int:
        """Its exit code."""
        with trio.fail_after(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def running(
    path: Path, *words: str, hasty: Mapping[str, float] | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Run]:
    """The command, killed at the end if it still runs. hasty: bounds of `watch.limits` that are others."""
    command = [INSPECTOR] if hasty is None else [sys.executable, "-c", HASTY, json.dumps(dict(hasty))]
    process = await trio.lowlevel.open_process(
        [*command, "--config", str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environ or {})},
    )
    run = Run(process)
    async with trio.open_nursery() as nursery:
        for stream, into in ((process.stdout, run.out), (process.stderr, run.err)):
            assert stream is not None
            nursery.start_soon(_gather, stream, into)
        try:
            yield run
        finally:
            if process.returncode is None:
                process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()


async def _gather(stream: trio.abc.ReceiveStream, into: bytearray) -> None:
    async for piece in stream:
        into += piece


@contextmanager
def terminal(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """A terminal of that size: our end, and the one for a process."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


async def drawn(path: Path, columns: int, rows: int, *words: str, **environ: str) -> str:
    """All that a command draws on a terminal, to its end."""
    with terminal(columns, rows) as (ours, theirs):
        process = await trio.lowlevel.open_process(
            [INSPECTOR, "--config", str(path), *words],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": "", **environ},
        )
        os.close(theirs)
        said = bytearray()
        with trio.fail_after(PATIENCE_S):
            while True:
                await trio.lowlevel.wait_readable(ours)
                try:
                    said += os.read(ours, 65_536)
                except OSError:  # the other end is closed
                    break
            await process.wait()
    assert process.returncode == 0, said.decode()
    return said.decode()
