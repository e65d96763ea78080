"""The agent's log: one short line for each event that matters, `time event key=value …`, on stderr.

A full disk behind stderr, or a reader that has gone, must not stop a node from answering: a line that cannot be written
is dropped, counted, and the count is said with the next one that can.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from inspector_agent import limits

STDERR = 2


def write_stderr(line: bytes) -> None:
    """Write to stderr, unbuffered."""
    os.write(STDERR, line)


class Log:
    """Call it with an event and what belongs to it.

    Args:
        clock: Unix time in seconds.
        write: takes one encoded line; may raise OSError.
    """

    def __init__(self, clock: Callable[[], float], write: Callable[[bytes], None] = write_stderr) -> None:
        self._clock = clock
        self._write = write
        self._lost = 0

    def __call__(self, event: str, **fields: object) -> None:
        """Log one event."""
        if self._lost:
            fields["lines_lost"] = self._lost
        moment = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = " ".join([moment, event, *(f"{key}={_quoted(str(value))}" for key, value in fields.items())])
        try:
            self._write(line[: limits.log_line_chars_max].encode("utf-8", "replace") + b"\n")
        except OSError:
            self._lost += 1
        else:
            self._lost = 0


def _quoted(text: str) -> str:
    """The value as one printable word, in quotes where it needs them."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if text and not set(text) & set(' "=') else '"' + text.replace('"', "'") + '"'
