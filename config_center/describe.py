"""Shell: asks executables what they check (`--describe`), within bounds of time and output."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.catalogue import OPEN_KIND, Catalogue, Kind, decode_catalogue, decode_site_kind
from config_center.errors import CatalogueError

DESCRIBE: Final = "--describe"

_PR_SET_PDEATHSIG: Final = 1
_prctl: Final = ctypes.CDLL(None, use_errno=True).prctl  # looked up before any fork


def bundled_checks() -> Path:
    """The folder of the bundled checks: inside a sister package where installed, beside this one in a clone.

    Raises CatalogueError where neither is there.
    """
    home = Path(__file__).resolve().parent.parent
    for folder in (home / "inspector_agent" / "bundled_checks", home / "checks"):
        if (folder / "batch.py").is_file():
            return folder
    raise CatalogueError(f"no bundled checks below {home}: install the whole project, or give --checks DIR")


def catalogue_of(checks: Path) -> Catalogue:
    """The description of a folder of checks, asked of its `batch.py`. Raises CatalogueError."""
    batch = checks / "batch.py"
    if not batch.is_file():
        raise CatalogueError(f"{checks} is no folder of checks: it has no batch.py")
    return load_catalogue([sys.executable, str(batch)])


def load_catalogue(argv: Sequence[str]) -> Catalogue:
    """Run a command with --describe and read what it prints. Raises CatalogueError."""
    try:
        return decode_catalogue(_ask(argv, limits.describe_s_max))
    except CatalogueError as error:
        raise CatalogueError(f"{' '.join(argv)} {DESCRIBE}: {error}") from error


def site_kind(executable: Path, name: str) -> Kind:
    """What a site's executable says of itself; the open kind where it says nothing that can be read.

    It is run, without input and for at most limits.describe_site_s_max seconds.
    """
    try:
        return decode_site_kind(_ask([str(executable.resolve())], limits.describe_site_s_max), name)
    except CatalogueError:
        return OPEN_KIND


def _ask(argv: Sequence[str], seconds: float) -> bytes:
    """Standard output of the command, which must end well, in time, and within the bound."""
    try:
        process = subprocess.Popen(
            [*argv, DESCRIBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that whatever it starts ends with it
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it calls one prepared C function, and takes no lock
        )
    except OSError as error:
        raise CatalogueError(f"cannot be started: {error.strerror or error}") from error
    try:
        output = _read(process, seconds)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # not yet reaped, so the number is still its own
        code = process.wait()
        if process.stdout:
            process.stdout.close()
    if code != 0:
        raise CatalogueError(f"ended with exit code {code}")
    return output


def _read(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """All it prints, until it has ended by itself."""
    if process.stdout is None:
        raise CatalogueError("has no output")
    deadline, gathered = time.monotonic() + seconds, bytearray()
    output, ended = process.stdout.fileno(), os.pidfd_open(process.pid)
    try:
        while True:
            _await(output, deadline, seconds)
            piece = os.read(output, 65536)
            if not piece:
                break
            gathered += piece
            if len(gathered) > limits.describe_bytes_max:
                raise CatalogueError(f"printed more than {limits.describe_bytes_max} bytes")
        _await(ended, deadline, seconds)
    finally:
        os.close(ended)
    return bytes(gathered)


def _await(descriptor: int, deadline: float, seconds: float) -> None:
    ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
    if not ready:
        raise CatalogueError(f"did not end within {seconds:g} s")


def _die_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
