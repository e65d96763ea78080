"""`ip` and `nft`, given lines to do at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from inspector_lab.namespaces import limits


def run(argv: list[str], lines: Iterable[str], enter: Callable[[], None] | None = None) -> None:
    """Give a program these lines, in a process that does `enter` first; raises OSError with what it says."""
    try:
        done = subprocess.run(
            argv,
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=limits.command_s_max,
            preexec_fn=enter,
        )
    except subprocess.TimeoutExpired as failure:
        raise OSError(f"{Path(argv[0]).name} does not end within {limits.command_s_max:g} s") from failure
    if done.returncode != 0:
        raise OSError(f"{Path(argv[0]).name}: {done.stderr.strip()}")


def run_ip(ip: str, lines: Iterable[str], enter: Callable[[], None] | None = None) -> None:
    """Give `ip` these lines; raises OSError."""
    run([ip, "-batch", "-"], lines, enter)
