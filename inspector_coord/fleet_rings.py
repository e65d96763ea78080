"""All rings of a configuration: their rosters, then one question to each, to the end of it (trio shell).

rings = FleetRings(config)
fetched = await rings.open(nursery, fetch)      # rosters, beside other work
rings.plan(ledger, asked, tag, epoch)
await rings.ask(ledger)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import trio

from inspector_agent.ring import Member
from inspector_coord import limits
from inspector_coord.asking import Plan
from inspector_coord.config import Config, Ring
from inspector_coord.entry_choice import advised_once
from inspector_coord.entry_log import EntryLog
from inspector_coord.errors import CoordError, NoEntryError
from inspector_coord.ledger import Ledger, Node
from inspector_coord.patience import timing
from inspector_coord.report import RingFacts
from inspector_coord.ring_sweep import RingSweep
from inspector_coord.roster import Opened, RingRoster, alive_names, is_target, open_entry, read_through, roster_through
from inspector_coord.rounds import RingRounds
from inspector_coord.sockets import told

__all__ = ["Asked", "FleetRings", "first_error"]

T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of all rings alike; see `asking.Plan`."""

    sweep: bytes
    number: int
    canary: bytes = b""
    items: tuple[str, ...] = ()
    timeout_s: float = limits.timeout_s
    max_age_ms: int = 0


class _Place(msgspec.Struct):
    """One ring on its way: roster or error, then its sweep."""

    ring: Ring
    roster: RingRoster | None = None
    error: str = ""
    nodes: Sequence[Node] = ()
    rounds: RingRounds | None = None
    sweep: RingSweep | None = None
    log: EntryLog = msgspec.field(default_factory=EntryLog)
    over: trio.Event = msgspec.field(default_factory=trio.Event)

    @property
    def notes(self) -> list[str]:
        """What a person should know of it."""
        notes = [*self.roster.notes] if self.roster else []
        if self.roster and self.sweep:
            notes += self.sweep.notes
            notes += told(self.roster.entries[0].address, self.sweep.dropped, len(self.nodes), self.ring.answers_per_s)
        notes += self.rounds.notes if self.rounds else []
        notes += [self.log.problem] if self.log.problem else []
        return notes + ([self.error] if self.error else [])


class FleetRings:
    """See the module's text. `interrupt` closes all rings early, from whichever task."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._places = {name: _Place(ring) for name, ring in config.rings.items()}
        self._go = trio.Event()
        self._ledger: Ledger | None = None

    async def open(self, nursery: trio.Nursery, fetch: Callable[[], Awaitable[T]]) -> T:
        """Read all rosters, while `fetch` runs; what that returns. Raises NoEntryError if not one could be read.

        Each ring keeps its connection in a task of the nursery, which ends with the question or with the nursery.
        """
        found: list[T] = []

        async def fetched() -> None:
            found.append(await fetch())

        async def opened(name: str, place: _Place) -> None:
            await nursery.start(self._ring, name, place)

        async with trio.open_nursery() as reading:
            reading.start_soon(fetched)
            for name, place in self._places.items():
                reading.start_soon(opened, name, place)
        if not any(place.roster for place in self._places.values()):
            raise NoEntryError(advised_once(place.error for place in self._places.values()))
        return found[0]

    def members(self) -> list[tuple[str, Member]]:
        """All members that may be asked, with their rings."""
        rosters = [place.roster for place in self._places.values() if place.roster is not None]
        marked = self._config.exclude_tags
        return [(roster.name, member) for roster in rosters for member in roster.members if is_target(member, marked)]

    def plan(self, ledger: Ledger, asked: Asked, tag: tuple[str, str] | None, epoch: float) -> None:
        """Make each ring's rounds for its nodes of the ledger; `tag` if exactly the members with it are asked."""
        agents = Counter(ring for ring, _ in self.members())
        nodes: dict[str, list[Node]] = {name: [] for name in self._places}
        for node in ledger:
            nodes[node.ring].append(node)
        self._ledger = ledger
        for name, place in self._places.items():
            roster = place.roster
            place.nodes = nodes[name]
            if roster is None or not place.nodes:
                continue
            plan = Plan(
                sweep=asked.sweep,
                release=ledger.release,
                number=asked.number,
                canary=asked.canary,
                items=asked.items,
                timing=timing(
                    len(place.nodes),
                    len(roster.members),
                    asked.timeout_s,
                    fleet=len(ledger),
                    answers_per_s=place.ring.answers_per_s,
                ),
                max_age_ms=asked.max_age_ms,
                epoch=epoch,
                entries=roster.entries,
                members=alive_names(roster.members),
                everybody=len(place.nodes) == agents[name],
                tags=dict([tag]) if tag else {},
            )
            place.rounds = RingRounds(plan, place.nodes, ledger)

    async def ask(self) -> None:
        """Ask all rings what was planned; returns when all are closed."""
        self._go.set()
        for place in self._places.values():
            await place.over.wait()

    def interrupt(self) -> bool:
        """Close now. False if nothing has been asked yet."""
        if self._ledger is None:
            return False
        for place in self._places.values():
            if place.sweep is not None:
                place.sweep.interrupt()
        return True

    def ended(self, began: float) -> float:
        """The trio time at which the last ring was closed; `began` if none was asked."""
        return max((place.sweep.closed_at or began for place in self._places.values() if place.sweep), default=began)

    def notes(self) -> list[str]:
        """What a person should know of rosters, entries and rings; where there are several rings, of which one."""
        several = len(self._places) > 1
        return [
            note if not several or name in note else f"ring {name}: {note}"
            for name, place in self._places.items()
            for note in place.notes
        ]

    def facts(self, began: float) -> tuple[RingFacts, ...]:
        """One line a ring, as the report has it."""
        return tuple(_facts(name, place, began) for name, place in self._places.items())

    # ---- one ring ---------------------------------------------------------------------------------------------------

    async def _ring(self, name: str, place: _Place, task_status: trio.TaskStatus[None]) -> None:
        """One ring from its roster to the end of its sweep, over one connection to its entry."""
        skip: dict[int, str] = {}
        try:
            while place.roster is None:
                async with open_entry(name, place.ring, skip) as opened, trio.open_nursery() as nursery:
                    with roster_through(opened, skip):
                        place.log = EntryLog()
                        await nursery.start(place.log.follow, opened.client)
                        place.roster = await read_through(name, place.ring, opened)
                    if place.roster is not None:
                        task_status.started()
                        await self._go.wait()
                        await self._sweep(place, opened)
                    nursery.cancel_scope.cancel()
        except NoEntryError as problem:
            place.error = str(problem)
            task_status.started()
        finally:
            place.over.set()

    async def _sweep(self, place: _Place, opened: Opened) -> None:
        if place.rounds is None or place.roster is None or self._ledger is None:
            return
        key, prefix = place.ring.auth_key(), self._config.query_prefix
        turns = self._config.cache_dir / "turns"
        place.sweep = RingSweep(place.roster, place.rounds, self._ledger, opened, key, prefix, turns)
        place.log.count(self._ledger.dropped, place.roster.query_time, place.sweep.collided)
        await place.sweep.run()


def _facts(name: str, place: _Place, began: float) -> RingFacts:
    roster, sweep = place.roster, place.sweep
    return RingFacts(
        name=name,
        entry=roster.entries[0].address if roster else "",
        members=len(roster.members) if roster else 0,
        targets=len(place.nodes),
        seconds=round(sweep.closed_at - began, 3) if sweep and sweep.closed_at else 0.0,
        error=place.error,
        questions=sum(sweep.questions.values()) if sweep else 0,
        through=tuple(sweep.questions) if sweep else (),
        notes=tuple(place.notes[: limits.notes_max]),
    )


@contextmanager
def first_error() -> Iterator[None]:
    """Of the errors of ours that leave a nursery together, raise the first one: a person mends one at a time."""
    try:
        yield
    except BaseExceptionGroup as group:
        # Not `except*`: Debian 12's Python (before 3.11.4) wraps what its handler raises into one more group.
        errors, others = group.split(CoordError)
        if errors is None or others is not None:
            raise
        raise _first(errors) from None


def _first(group: BaseExceptionGroup[CoordError]) -> CoordError:
    found: Sequence[BaseException] = group.exceptions
    while isinstance(found[0], BaseExceptionGroup):
        found = found[0].exceptions
    first = found[0]
    if not isinstance(first, CoordError):
        raise TypeError(f"{first!r} is no CoordError")
    return first
