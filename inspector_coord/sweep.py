"""A sweep: rosters and release, targets, one question to each ring, one ledger. Trio shell over the cores."""

from __future__ import annotations

import difflib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import msgspec
import trio

from config_center.release import Release
from inspector_agent.errors import WireError
from inspector_agent.limits import id_bytes
from inspector_agent.ring import Member, RingError
from inspector_agent.wire import Question, encode_question
from inspector_coord import limits
from inspector_coord.asking import Plan
from inspector_coord.config import Config, Ring
from inspector_coord.entry_log import EntryLog
from inspector_coord.errors import CoordError, ItemError, NoEntryError, TargetError
from inspector_coord.groups import Groups
from inspector_coord.ledger import WAITING, Ledger, Node
from inspector_coord.patience import timing
from inspector_coord.plain import plain
from inspector_coord.reading import Reader
from inspector_coord.release_cache import Current, prefix_of
from inspector_coord.report import Facts, RingFacts
from inspector_coord.ring_sweep import RingSweep
from inspector_coord.roster import Opened, RingRoster, alive_names, is_target, open_entry, read_through
from inspector_coord.rounds import RingRounds
from inspector_coord.targets import Selection, select

__all__ = ["FleetSweep", "Outcome", "Request", "Watch"]

Watch = Callable[[Mapping[str, int], int, float, str], None]
"""Progress: nodes by state, targets, seconds, what is going on."""


class Request(msgspec.Struct, frozen=True):
    """What a person wants swept: targets (none: everybody), less `exclude`, items by pattern (none: all)."""

    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    timeout_s: float = limits.timeout_s


class Outcome(msgspec.Struct, frozen=True):
    """A closed ledger, and what it does not know of its sweep."""

    ledger: Ledger
    facts: Facts


class _Place(msgspec.Struct):
    """One ring on its way: roster or error, then its sweep."""

    ring: Ring
    roster: RingRoster | None = None
    error: str = ""
    nodes: tuple[Node, ...] = ()
    rounds: RingRounds | None = None
    sweep: RingSweep | None = None
    log: EntryLog = msgspec.field(default_factory=EntryLog)
    over: trio.Event = msgspec.field(default_factory=trio.Event)


class FleetSweep:
    """One sweep of all rings of a configuration. `interrupt` closes the ledger early, from whichever task."""

    def __init__(self, config: Config, groups: Groups, request: Request) -> None:
        self._config = config
        self._groups = groups
        self._request = request
        self._places = {name: _Place(ring) for name, ring in config.rings.items()}
        self._go = trio.Event()
        self._interrupted = False
        self._ledger: Ledger | None = None
        self._id = secrets.token_bytes(id_bytes)

    def interrupt(self) -> bool:
        """Close the ledger with what is known. False if nothing has been asked yet."""
        if self._ledger is None:
            return False
        self._interrupted = True
        for place in self._places.values():
            if place.sweep is not None:
                place.sweep.interrupt()
        return True

    async def run(self, fetch: Callable[[], Awaitable[Current]], watch: Watch) -> Outcome:
        """Sweep. `fetch` gets the release, while rosters are read. Raises a CoordError where nothing could be asked."""
        watch({}, 0, 0.0, "reading the roster")
        try:
            async with trio.open_nursery() as nursery:
                current, selection = await self._prepare(nursery, fetch)
                began, epoch = trio.current_time(), time.time() - trio.current_time()
                ledger = self._ledger = self._plan(current.release, selection, epoch)
                nursery.start_soon(self._progress, ledger, began, watch)
                self._go.set()
                for place in self._places.values():
                    await place.over.wait()
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            # Not `except*`: Debian 12's Python (before 3.11.4) wraps what its handler raises into one more group.
            errors, others = group.split(CoordError)
            if errors is None or others is not None:
                raise
            raise _first(errors) from None
        ended = max((place.sweep.closed_at or began for place in self._places.values() if place.sweep), default=began)
        asked = Reader({ledger.release: current.release}, ledger.release, self._request.items)
        ledger.close(ended - began, asked.basis)
        return Outcome(ledger, self._facts(current, selection, began, ended, epoch))

    # ---- before the question ----------------------------------------------------------------------------------------

    async def _prepare(
        self, nursery: trio.Nursery, fetch: Callable[[], Awaitable[Current]]
    ) -> tuple[Current, Selection]:
        found: list[Current] = []

        async def fetched() -> None:
            found.append(await fetch())

        async with trio.open_nursery() as reading:
            reading.start_soon(fetched)
            for name, place in self._places.items():
                reading.start_soon(self._open, nursery, name, place)
        if not any(place.roster for place in self._places.values()):
            raise NoEntryError("; ".join(place.error for place in self._places.values()))
        current = found[0]
        self._check_items(current.release)
        return current, self._select()

    async def _open(self, nursery: trio.Nursery, name: str, place: _Place) -> None:
        await nursery.start(self._ring, name, place)

    async def _ring(self, name: str, place: _Place, task_status: trio.TaskStatus[None]) -> None:
        """One ring from its roster to the end of its sweep, over one connection to its entry."""
        try:
            async with open_entry(name, place.ring) as opened, trio.open_nursery() as nursery:
                await self._read(name, place, opened, nursery)
                task_status.started()
                await self._go.wait()
                await self._sweep(place, opened)
                nursery.cancel_scope.cancel()
        except NoEntryError as problem:
            place.error = str(problem)
            task_status.started()
        finally:
            place.over.set()

    async def _read(self, name: str, place: _Place, opened: Opened, nursery: trio.Nursery) -> None:
        try:
            with trio.fail_after(limits.connect_s):
                await nursery.start(place.log.follow, opened.client)
                place.roster = await read_through(name, place.ring, opened)
        except RingError as problem:
            place.error = f"ring {name}: {problem}"
        except trio.TooSlowError:
            place.error = f"ring {name}: its entry {opened.client.address} does not answer: is its Serf agent frozen?"

    async def _sweep(self, place: _Place, opened: Opened) -> None:
        if place.rounds is None or place.roster is None or self._ledger is None:
            return
        key, prefix = place.ring.auth_key(), self._config.query_prefix
        place.log.count(self._ledger.dropped, place.roster.query_time)
        place.sweep = RingSweep(place.roster, place.rounds, self._ledger, opened, key, prefix)
        await place.sweep.run()

    def _check_items(self, release: Release) -> None:
        patterns = self._request.items
        for pattern in patterns:
            if not any(fnmatchcase(item, pattern) for item in release.items):
                close = difflib.get_close_matches(pattern, release.items, 1, 0.5)
                advice = f"did you mean {close[0]}?" if close else f"it has {len(release.items)} items"
                raise ItemError(f"no item of release {release.number} matches {plain(pattern)!r}: {advice}")
        try:
            encode_question(
                Question(
                    sweep=self._id,
                    release=prefix_of(release),
                    number=release.number,
                    items=patterns,
                    answer_within_ms=1,
                    issued_at=0,
                )
            )
        except WireError as problem:
            raise ItemError(f"these items cannot be asked for in one question: {problem}") from problem

    def _members(self) -> list[tuple[str, Member]]:
        """All members that may be swept, with their rings."""
        rosters = [place.roster for place in self._places.values() if place.roster is not None]
        marked = self._config.exclude_tags
        return [(roster.name, member) for roster in rosters for member in roster.members if is_target(member, marked)]

    def _select(self) -> Selection:
        members = self._members()
        if not members:
            raise TargetError("the roster is empty: no ring has a member that could be swept")
        return select([member for _, member in members], self._request.targets, self._request.exclude, self._groups)

    # ---- the question -----------------------------------------------------------------------------------------------

    def _plan(self, release: Release, selection: Selection, epoch: float) -> Ledger:
        """The ledger of all targets, and each ring's rounds."""
        members = self._members()
        chosen = [members[index] for index in selection.chosen]
        nodes = [Node(ring, member.name, member.address, member.tags, member.status) for ring, member in chosen]
        ledger = Ledger(nodes, prefix_of(release))
        for name, place in self._places.items():
            roster = place.roster
            place.nodes = tuple(node for node in nodes if node.ring == name)
            if roster is None or not place.nodes:
                continue
            alive = alive_names(roster.members)
            plan = Plan(
                sweep=self._id,
                release=ledger.release,
                number=release.number,
                items=self._request.items,
                timing=timing(len(place.nodes), len(roster.members), self._request.timeout_s),
                epoch=epoch,
                entries=roster.entries,
                members=alive,
                everybody=len(place.nodes) == sum(ring == name for ring, _ in members),
                tags=dict([selection.tag]) if selection.tag else {},
            )
            place.rounds = RingRounds(plan, place.nodes, ledger)
        return ledger

    async def _progress(self, ledger: Ledger, began: float, watch: Watch) -> None:
        """Show how the ledger fills."""
        while True:
            states = ledger.tally()
            states.pop(WAITING, None)
            watch(states, len(ledger), trio.current_time() - began, "sweeping")
            await trio.sleep(limits.progress_s)

    def _facts(self, current: Current, selection: Selection, began: float, ended: float, epoch: float) -> Facts:
        notes = [current.note] if current.note else []
        for place in self._places.values():
            notes += place.roster.notes if place.roster else ()
            notes += place.rounds.notes if place.rounds else ()
            notes += [place.log.problem] if place.log.problem else []
            notes += [place.error] if place.error else []
        return Facts(
            sweep=self._id,
            started=datetime.fromtimestamp(epoch + began, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            epoch=epoch + began,
            seconds=ended - began,
            release=current.release,
            targets=self._request.targets,
            items=self._request.items,
            absent=selection.absent,
            rings=tuple(_ring_facts(name, place, began) for name, place in self._places.items()),
            notes=tuple(notes[: limits.notes_max]),
            interrupted=self._interrupted,
        )


def _ring_facts(name: str, place: _Place, began: float) -> RingFacts:
    roster = place.roster
    return RingFacts(
        name=name,
        entry=roster.entries[0].address if roster else "",
        members=len(roster.members) if roster else 0,
        targets=len(place.nodes),
        seconds=round(place.sweep.closed_at - began, 3) if place.sweep and place.sweep.closed_at else 0.0,
        error=place.error,
    )


def _first(group: BaseExceptionGroup[CoordError]) -> CoordError:
    """The first of several errors that came together: a person mends one at a time."""
    found: Sequence[BaseException] = group.exceptions
    while isinstance(found[0], BaseExceptionGroup):
        found = found[0].exceptions
    first = found[0]
    if not isinstance(first, CoordError):
        raise TypeError(f"{first!r} is no CoordError")
    return first
