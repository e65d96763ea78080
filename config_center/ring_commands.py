"""Shell: telling the ring of an act, and asking it, by the command `inspector`: the center itself knows no ring.

It runs as a child, without a shell, within bounds of time and output. What it prints is judged as coming from outside.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from config_center import limits
from config_center.errors import RingError

PROGRAM: Final = "inspector"


class Holders(msgspec.Struct, frozen=True):
    """Nodes that have one release. digest: its beginning; nodes: folded."""

    number: int
    digest: str
    nodes: str
    count: int


class Holdings(msgspec.Struct, frozen=True):
    """Which nodes have which release.

    without    nodes, folded, that answered and have none at all
    no_answer  the state of nodes that did not answer (silent, down, …) -> nodes, folded
    problems   rings that could not be asked, as sentences
    """

    releases: tuple[Holders, ...]
    without: str = ""
    no_answer: dict[str, str] = {}
    problems: tuple[str, ...] = ()


def announce(ring: Path, serial: int, digest: str) -> None:
    """Tell a ring that there is something to fetch. ring: coordinator.yml. Raises RingError, which says what to run."""
    words = announce_words(ring, serial, digest)
    try:
        _run(words, ())
    except RingError as error:
        raise RingError(
            f"the ring was not told ({error}); agents notice by themselves, or run: {shlex.join(words)}"
        ) from error


def announce_words(ring: Path, serial: int, digest: str) -> list[str]:
    """The command that announces."""
    return [PROGRAM, "--config", str(ring), "announce", str(serial), digest]


def holdings(ring: Path) -> Holdings:
    """Ask a ring which nodes have which release. Raises RingError."""
    raw = _run([PROGRAM, "--config", str(ring), "releases", "--json"], (3,))  # not everybody answered
    try:
        return msgspec.json.decode(raw, type=Holdings)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RingError(f"what `{PROGRAM} releases` printed cannot be read: {error}") from error


def _run(words: list[str], also: tuple[int, ...]) -> bytes:
    """Standard output of the command; an exit code that is neither 0 nor in `also` raises RingError."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            code = subprocess.run(
                [_program(), *words[1:]],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=limits.ring_command_s_max, check=False,
            ).returncode  # fmt: skip
        except OSError as error:
            raise RingError(f"{PROGRAM} cannot be started: {error.strerror or error}") from error
        except subprocess.TimeoutExpired as error:
            raise RingError(f"{PROGRAM} did not end within {limits.ring_command_s_max:g} s") from error
        if code != 0 and code not in also:
            raise RingError(_last_line(err) or f"{PROGRAM} ended with exit code {code}")
        return _content(out)


def _program() -> str:
    """The command beside this Python, else the one on the path. Raises RingError."""
    beside = Path(sys.executable).parent / PROGRAM
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise RingError(f"the command {PROGRAM} is not installed here")
    return found


def _last_line(file: IO[bytes]) -> str:
    text = _content(file).decode("utf-8", "replace")
    lines = ["".join(char for char in line if char.isprintable()) for line in text.splitlines()]
    return next((line[:300] for line in reversed(lines) if line.strip()), "")


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    raw: Any = file.read(limits.ring_command_bytes_max + 1)
    if len(raw) > limits.ring_command_bytes_max:
        raise RingError(f"{PROGRAM} printed more than {limits.ring_command_bytes_max} bytes")
    return bytes(raw)
