"""`inspector nodes --watch`: all rings at a glance, on a terminal as a picture that is kept up, else line by line."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping

import trio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from inspector_coord.plain import plain
from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.conclusions import Happening, Kind
from inspector_coord.watch.listening import Watched
from inspector_coord.watch.output import Output
from inspector_coord.watch.telling_times import stamp
from inspector_coord.watch.watch_lines import line, open_line, ring_line, states

__all__ = ["Screen"]

STYLES = {
    Kind.DOWN: "bold red",
    Kind.CUT_OFF: "bold magenta",
    Kind.STALLED: "bold yellow",
    Kind.GRAY: "yellow",
    Kind.FLAPPING: "bold yellow",
    Kind.LEFT: "dim",
    Kind.ISOLATED: "bold white on red",
}


class Screen:
    """A listener that shows the rings until it is cancelled. drawn: as a picture, else line by line."""

    def __init__(self, output: Output, console: Console | None = None) -> None:
        self._output, self._console = output, console or Console(highlight=False)
        self.drawn = self._console.is_terminal and not self._console.is_dumb_terminal
        self._rings: Mapping[str, Watched] = {}
        self._events: deque[tuple[Kind, str]] = deque(maxlen=limits.screen_events)

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """Keep it among the last events, or print it."""
        text = line(ring if len(self._rings) > 1 else "", happening, unix, stamp)
        self._events.append((happening.kind, text))
        if not self.drawn:
            self._output.put(text)

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """These are shown."""
        self._rings = rings

    async def run(self) -> None:
        """Show, until cancelled."""
        if not self.drawn:
            await self._repeat()
            return
        with Live(self.picture(), console=self._console, auto_refresh=False, screen=False) as live:
            while True:
                await trio.sleep(limits.screen_s)
                live.update(self.picture(), refresh=True)

    async def _repeat(self) -> None:
        """A line of counts for each ring whenever they have changed, from when it is judged, or should be."""
        shown: dict[str, str] = {}
        begun = trio.current_time() + limits.once_least_s
        while True:
            for name, ring in self._rings.items():
                said = ring_line(name, ring)
                if shown.get(name) != said and (ring.judging or trio.current_time() >= begun):
                    shown[name] = said
                    self._output.put(f"{stamp(time.time())} {said}")
            await trio.sleep(limits.screen_s)

    # ---- the picture ------------------------------------------------------------------------------------------------

    def picture(self) -> RenderableType:
        """All of it, as high as the terminal at most."""
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        now, unix = trio.current_time(), time.time()
        for name, ring in self._rings.items():
            yield _ring(name, ring)
        several = len(self._rings) > 1
        opened = [(one.since, name, one) for name, ring in self._rings.items() for one in ring.open_incidents]
        opened.sort(key=lambda each: each[:2])
        yield Text(f"\nOpen: {len(opened)}", style="bold")
        free = max(2, self._console.height - len(self._rings) - limits.screen_rows_beside)
        told = min(len(self._events), max(limits.screen_events_least, free - len(opened)))
        room = max(1, min(limits.screen_incidents, free - told))
        for _, name, one in opened[-room:]:
            yield _row(open_line(name if several else "", one, now, unix, stamp), one.kind)
        if len(opened) > room:
            yield Text(f"  … and {len(opened) - room} older", style="dim")
        if told:
            yield Text("\nLast events", style="bold")
        for kind, text in list(self._events)[-told:] if told else ():
            yield _row(text, kind)
        yield Text(f"\n{stamp(unix)}  Ctrl-C ends", style="dim")


def _ring(name: str, ring: Watched) -> Text:
    """The ring's line, with its counts coloured."""
    counts: Counter[str] = states(ring.roster, ring.open_incidents)
    bad = not ring.judging or any(state not in ("up", "left") for state in counts)
    return Text(plain(ring_line(name, ring)), style="bold yellow" if bad else "bold green")


def _row(text: str, kind: Kind) -> Text:
    return Text(f"  {text}", style=STYLES[kind], no_wrap=True, overflow="ellipsis")
