"""Standard output of a watch: every line at once, and what becomes of the watch when nobody takes them.

A watch whose output has gone (`| head`, a full disk) ends, so that whoever started it hears of that; it does not raise
where it is told something, as the journal and the alerts are told the same.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TextIO

import trio

from inspector_coord.errors import OutputError
from inspector_coord.plain import json_line
from inspector_coord.watch.conclusions import Happening
from inspector_coord.watch.listening import Watched
from inspector_coord.watch.record import record_of
from inspector_coord.watch.telling_times import stamp
from inspector_coord.watch.watch_lines import line, open_line

__all__ = ["Output", "Printer"]


class Output:
    """Lines to a file. broken: what came of the first that was not taken; nothing is tried after that."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self.broken: OSError | None = None
        self._gone = trio.Event()

    def put(self, text: str) -> None:
        """Print a line, unless that has failed before."""
        if self.broken is not None:
            return
        try:
            print(text, file=self._file or sys.stdout, flush=True)
        except OSError as problem:
            self.broken = problem
            self._gone.set()

    async def until_broken(self) -> None:
        """Returns when nobody takes what is printed."""
        await self._gone.wait()

    def check(self) -> None:
        """Raises BrokenPipeError where the reader has gone, else OutputError, if a line was not taken."""
        if isinstance(self.broken, BrokenPipeError):
            raise self.broken
        if self.broken is not None:
            sys.stdout = None  # Python would try once more at exit
            raise OutputError(f"standard output cannot be written: {self.broken.strerror or self.broken}")


class Printer:
    """A listener that prints every event, as a line for people or as JSON. several: lines name their ring."""

    def __init__(self, output: Output, *, as_json: bool, several: bool) -> None:
        self._output, self._as_json, self._several = output, as_json, several

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """Print it."""
        if self._as_json:
            self._output.put(json_line(record_of(ring, happening, unix)))
        else:
            self._output.put(line(self._named(ring), happening, unix, stamp))

    def still_open(self, rings: Mapping[str, Watched], now: float, unix: float) -> None:
        """Print what is open. now: by trio's clock; unix: the same moment by the wall clock."""
        for name, ring in rings.items():
            for one in ring.open_incidents:
                if self._as_json:
                    self.told(name, one, unix - (now - one.at))
                else:
                    self._output.put(open_line(self._named(name), one, now, unix, stamp))

    def _named(self, ring: str) -> str:
        return ring if self._several else ""
