"""`inspector watch`: what is watched, and how it is told."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec
import trio

from inspector_coord.config import Config, default_path, load
from inspector_coord.errors import ConfigError
from inspector_coord.fleet_rings import first_error
from inspector_coord.plain import plain
from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.journal import Journal, Past
from inspector_coord.watch.listening import Listener, Watched
from inspector_coord.watch.model import Happening, Kind
from inspector_coord.watch.record import happening_of, record_of, written
from inspector_coord.watch.service import watch as watch_rings
from inspector_coord.watch.telling_times import stamp
from inspector_coord.watch.watch_lines import line, open_line

__all__ = ["Wish", "nodes_watch", "watch"]

QUIET, OPEN, UNSEEN, UNREACHED = 0, 1, 3, 4


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants of a watch. rings: () for all; once: look, tell what is open, end; for_s: end then.

    alertmanager and metrics: instead of those in coordinator.yml, see `outlets`.
    """

    rings: tuple[str, ...] = ()
    as_json: bool = False
    once: bool = False
    for_s: float | None = None
    store: bool = True
    alertmanager: tuple[str, ...] = ()
    metrics: str = ""


def say(text: str) -> None:
    """What a person should know beside the events."""
    print(f"inspector: {plain(text, limits.line_chars_max)}", file=sys.stderr, flush=True)


class Printer:
    """A listener that prints every event at once, as a line for people or as JSON."""

    def __init__(self, *, as_json: bool, several: bool) -> None:
        self._as_json, self._several = as_json, several

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """Print it."""
        if self._as_json:
            print(written(record_of(ring, happening, unix)).decode(), end="", flush=True)
        else:
            print(line(ring if self._several else "", happening, unix, stamp), flush=True)


class Looker:
    """A listener that knows the rings: for what is open at the end, and when a look is over."""

    def __init__(self) -> None:
        self.rings: Mapping[str, Watched] = {}
        self._began = trio.current_time()

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """What happens is for others."""

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """These are looked at."""
        self.rings = rings

    async def looked(self) -> None:
        """Returns when every ring is judged, or it takes too long."""
        with trio.move_on_after(limits.once_s):
            while not self.rings or not all(map(self._judged, self.rings.values())):  # noqa: ASYNC110 -- nobody tells of it
                await trio.sleep(limits.screen_s / 2)

    def _judged(self, ring: Watched) -> bool:
        """Whether it is known to be seen, and who is listed as failed is in an incident; or nothing is seen of it."""
        opened = ring.open_incidents
        if any(one.kind is Kind.ISOLATED for one in opened):
            return True
        known = {name for one in opened for name in one.nodes}
        late = trio.current_time() >= self._began + limits.once_least_s
        return (
            late and ring.judging and all(status != "failed" or name in known for name, status in ring.roster.items())
        )

    def code(self) -> int:
        """What the command ends with."""
        rings = self.rings.values()
        if not any(ring.entries_up for ring in rings):
            return UNREACHED
        if not all(ring.judging for ring in rings):
            return UNSEEN
        return OPEN if any(ring.open_incidents for ring in rings) else QUIET


def watch(config_file: Path | None, wish: Wish) -> int:
    """Watch until Ctrl-C or SIGTERM, or as long as is wished; the exit code. Raises ConfigError."""
    config = load(config_file or default_path())
    if wish.for_s is not None and wish.for_s <= 0:
        raise ConfigError(f"--for {wish.for_s:g} is no time: give seconds above 0")
    return trio.run(_watch, config, wish)


async def _watch(config: Config, wish: Wish) -> int:
    from inspector_coord.watch.outlets import listeners_of, outlets_of

    outlets = outlets_of(config.watch, alertmanager=wish.alertmanager, metrics=wish.metrics, file=config.file)
    journal = Journal(config.cache_dir / "watch", say)
    past = journal.read()
    looker = Looker()
    several = len(wish.rings or config.rings) > 1
    listeners: list[Listener] = [looker]
    if not wish.once:
        listeners.append(Printer(as_json=wish.as_json, several=several))
        _say_open(past, several=several)
        if wish.store:
            listeners.append(journal)
        listeners += listeners_of(outlets, say)
    code = QUIET
    with first_error():
        async with trio.open_nursery() as nursery:
            await nursery.start(_until_signal, nursery.cancel_scope)
            nursery.start_soon(partial(watch_rings, config, listeners, rings=wish.rings, past=past, say=say))
            if wish.once:
                await looker.looked()
                _print_open(looker.rings, as_json=wish.as_json, several=several)
            else:
                with trio.move_on_after(float("inf") if wish.for_s is None else wish.for_s):
                    await trio.sleep_forever()
            code = looker.code()
            nursery.cancel_scope.cancel()
    return code


def nodes_watch(config_file: Path | None, rings: tuple[str, ...], for_s: float | None) -> int:
    """Show all rings until Ctrl-C; nothing is kept, and nobody is alerted. The exit code. Raises ConfigError."""
    from inspector_coord.watch.watch_screen import Screen

    async def show(config: Config) -> int:
        past = Journal(config.cache_dir / "watch", say).read()
        with first_error():
            async with trio.open_nursery() as nursery:
                await nursery.start(_until_signal, nursery.cancel_scope)
                nursery.start_soon(partial(watch_rings, config, [Screen()], rings=rings, past=past, say=say))
                with trio.move_on_after(float("inf") if for_s is None else for_s):
                    await trio.sleep_forever()
                nursery.cancel_scope.cancel()
        return QUIET

    return trio.run(show, load(config_file or default_path()))


async def _until_signal(scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
    """Ctrl-C and SIGTERM end a watch in good order."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


def _say_open(past: Mapping[str, Past], *, several: bool) -> None:
    """What an earlier watch has left open, and this one goes on with."""
    now, unix = trio.current_time(), time.time()
    for ring, known in past.items():
        for record in known.open:
            told = open_line(ring if several else "", happening_of(record, unix, now), now, unix, stamp)
            say(f"still open: {told}")


def _print_open(rings: Mapping[str, Watched], *, as_json: bool, several: bool) -> None:
    now, unix = trio.current_time(), time.time()
    for name, ring in rings.items():
        for one in ring.open_incidents:
            if as_json:
                print(written(record_of(name, one, unix - (now - one.at))).decode(), end="")
            else:
                print(open_line(name if several else "", one, now, unix, stamp))
        if not ring.judging:
            seen = "the majority of it was not heard" if ring.entries_up else "none of its entries can be reached"
            say(f"ring {name} could not be judged: {seen}")
    sys.stdout.flush()
