"""Which processes are there, for tests that say nothing stays behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.support.waiting import PATIENCE_S, soon


def mentioning(text: str) -> list[str]:
    """The command lines of all processes that hold this text, sorted."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if text in line:
                    found.append(line.strip())
    return sorted(found)


async def seen(*texts: str, within_s: float = PATIENCE_S) -> None:
    """Return when some process's command line holds all of these texts."""
    await soon(
        lambda: any(all(text in line for text in texts) for line in mentioning(texts[0])),
        f"a process of {' '.join(texts)}",
        within_s=within_s,
    )


async def gone(text: str, within_s: float = PATIENCE_S) -> None:
    """Return when no process's command line holds this text."""
    await soon(lambda: not mentioning(text), f"no process of {text}", within_s=within_s)
