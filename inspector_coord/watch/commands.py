"""`inspector watch`: what is watched, and how it is told."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import trio

from inspector_coord.config import Config, default_path, load
from inspector_coord.errors import ConfigError
from inspector_coord.fleet_rings import first_error
from inspector_coord.plain import plain
from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.conclusions import Happening, Kind
from inspector_coord.watch.journal import Journal, Past
from inspector_coord.watch.listening import Listener, Watched
from inspector_coord.watch.output import Output, Printer
from inspector_coord.watch.record import happening_of
from inspector_coord.watch.service import watch as watch_rings
from inspector_coord.watch.telling_times import stamp
from inspector_coord.watch.watch_lines import open_line, ring_line

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
    metrics: str | None = None


def say(text: str) -> None:
    """What a person should know beside the events."""
    with suppress(OSError):  # that stderr is full or gone can be told to nobody, and is no reason to stop watching
        print(f"inspector: {plain(text, limits.line_chars_max)}", file=sys.stderr, flush=True)


class Looker:
    """A listener that knows the rings: for what is open at the end, and when a look is over."""

    def __init__(self) -> None:
        self.rings: Mapping[str, Watched] = {}
        self._isolated: set[str] = set()  # as this run has found: what an earlier one has left open may be over
        self._began = trio.current_time()

    def told(self, ring: str, happening: Happening, unix: float) -> None:  # noqa: ARG002  every listener is given it
        """Of a ring that cannot be seen nothing more is to be awaited."""
        if happening.kind is Kind.ISOLATED:
            self._isolated.add(ring)

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """These are looked at."""
        self.rings = rings

    async def looked(self) -> None:
        """Returns when every ring is judged, or it takes too long."""
        with trio.move_on_after(limits.once_s):
            while not self.rings or not all(map(self._judged, self.rings)):  # noqa: ASYNC110 -- nobody tells of it
                await trio.sleep(limits.screen_s / 2)

    def _judged(self, name: str) -> bool:
        """Whether it is known to be seen, and who is listed as failed is in an incident; or nothing is seen of it."""
        if name in self._isolated:
            return True
        ring = self.rings[name]
        known = {node for one in ring.open_incidents for node in one.nodes}
        late = trio.current_time() >= self._began + limits.once_least_s
        return (
            late and ring.judging and all(status != "failed" or node in known for node, status in ring.roster.items())
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
    """Watch until Ctrl-C or SIGTERM, or as long as is wished; the exit code. Raises ConfigError, and see `Output`."""
    config = load(config_file or default_path())
    _check_time(wish.for_s)
    if wish.once and (wish.for_s is not None or wish.alertmanager or wish.metrics):
        raise ConfigError("--once ends by itself and only prints: leave --for, --alertmanager and --metrics away")
    _check_rings(config, wish.rings)
    wish = msgspec.structs.replace(wish, rings=tuple(dict.fromkeys(wish.rings)))
    output = Output()
    code = trio.run(_watch, config, wish, output)
    output.check()
    return code


async def _watch(config: Config, wish: Wish, output: Output) -> int:
    from inspector_coord.watch.outlets import listeners_of, outlets_of

    outlets = outlets_of(config.watch, alertmanager=wish.alertmanager, metrics=wish.metrics, file=config.file)
    journal = Journal(config.cache_dir / "watch", say)
    past = journal.read(config.rings)
    looker = Looker()
    several = len(wish.rings or config.rings) > 1
    printer = Printer(output, as_json=wish.as_json, several=several)
    listeners: list[Listener] = [looker]
    if not wish.once:
        listeners.append(printer)
        _say_open(past, wish.rings, several=several)
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
                printer.still_open(looker.rings, trio.current_time(), time.time())
                _say_unjudged(looker.rings)
            else:
                nursery.start_soon(_say_watched, looker)
                await _as_long(output, wish.for_s)
            code = looker.code()
            nursery.cancel_scope.cancel()
    return code


def nodes_watch(config_file: Path | None, for_s: float | None) -> int:
    """Show all rings until Ctrl-C; nothing is kept, and nobody is alerted. The exit code. Raises as `watch` does."""
    from inspector_coord.watch.watch_screen import Screen

    output = Output()

    async def show(config: Config) -> int:
        past = Journal(config.cache_dir / "watch", say).read(config.rings)
        screen = Screen(output)
        if not screen.drawn:  # which shows what is open itself
            _say_open(past, (), several=len(config.rings) > 1)
        with first_error():
            async with trio.open_nursery() as nursery:
                await nursery.start(_until_signal, nursery.cancel_scope)
                nursery.start_soon(partial(watch_rings, config, [screen], past=past, say=say))
                await _as_long(output, for_s)
                nursery.cancel_scope.cancel()
        return QUIET

    _check_time(for_s)
    code = trio.run(show, load(config_file or default_path()))
    output.check()
    return code


def _check_time(for_s: float | None) -> None:
    if for_s is not None and not 0 < for_s <= limits.for_s_max:
        raise ConfigError(f"--for {for_s:g} cannot be: give seconds above 0, {limits.for_s_max:.0f} at most")


def _check_rings(config: Config, rings: tuple[str, ...]) -> None:
    for name in rings:
        if name not in config.rings:
            raise ConfigError(f"--ring {name}: no such ring in {config.file}, which has {', '.join(config.rings)}")


async def _as_long(output: Output, for_s: float | None) -> None:
    """Until that time is over, or nobody takes what is printed."""
    with trio.move_on_after(float("inf") if for_s is None else for_s):
        await output.until_broken()


async def _until_signal(scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
    """Ctrl-C and SIGTERM end a watch in good order."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


def _say_open(past: Mapping[str, Past], rings: tuple[str, ...], *, several: bool) -> None:
    """What an earlier watch has left open, and this one goes on with."""
    now, unix = trio.current_time(), time.time()
    for ring, known in past.items():
        for record in known.open if ring in rings or not rings else ():
            told = open_line(ring if several else "", happening_of(record, unix, now), now, unix, stamp)
            say(f"still open: {told}")


async def _say_watched(looker: Looker) -> None:
    """Once all rings are judged, or it takes too long: silence then means that all is as it was."""
    await looker.looked()
    for name, ring in looker.rings.items():
        say(f"watching {ring_line(name, ring)}")


def _say_unjudged(rings: Mapping[str, Watched]) -> None:
    for name, ring in rings.items():
        if not ring.judging:
            seen = "the majority of it was not heard" if ring.entries_up else "none of its entries can be reached"
            say(f"ring {name} could not be judged: {seen}")
