"""A sweep: rosters and release, targets, one question to each ring, one ledger. Trio shell over the cores."""

from __future__ import annotations

import difflib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import msgspec
import trio

from inspector_agent.errors import WireError
from inspector_agent.limits import id_bytes
from inspector_agent.ring import Member
from inspector_agent.wire import Question, encode_question
from inspector_coord import limits
from inspector_coord.config import Config
from inspector_coord.current import Current, Known
from inspector_coord.errors import ItemError, TargetError
from inspector_coord.evidence import Evidence
from inspector_coord.fleet_rings import Asked, FleetRings, first_error
from inspector_coord.fold import twins_of
from inspector_coord.groups import Groups
from inspector_coord.ledger import WAITING, Ledger, Node
from inspector_coord.plain import plain
from inspector_coord.reading import Reader
from inspector_coord.report import Facts
from inspector_coord.targets import Selection, select

__all__ = ["FleetSweep", "Outcome", "Request", "Watch"]

Watch = Callable[[Mapping[str, int], int, float, str], None]
"""Progress: nodes by state, targets, seconds, what is going on."""


class Request(msgspec.Struct, frozen=True):
    """What a person wants swept: targets (none: everybody), less `exclude`, items by pattern (none: all).

    `max_age_s`: how old a verdict may be that a node remembers of another sweep; 0: none is wanted.
    """

    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    timeout_s: float = limits.timeout_s
    max_age_s: float = 0.0


class Outcome(msgspec.Struct, frozen=True):
    """A closed ledger, what it does not know of its sweep, and the reader that has resolved all baselines.

    known: what the config center was told by the nodes, as far as this sweep asked for it.
    """

    ledger: Ledger
    facts: Facts
    reader: Reader
    known: Known = Known()


class FleetSweep:
    """One sweep of all rings of a configuration. `interrupt` closes the ledger early, from whichever task."""

    def __init__(self, config: Config, groups: Groups, request: Request) -> None:
        self._groups = groups
        self._request = request
        self._rings = FleetRings(config)
        self._interrupted = False
        self._id = secrets.token_bytes(id_bytes)

    def interrupt(self) -> bool:
        """Close the ledger with what is known. False if nothing has been asked yet."""
        asked = self._rings.interrupt()
        self._interrupted = self._interrupted or asked
        return asked

    async def run(self, fetch: Callable[[], Awaitable[Current]], watch: Watch) -> Outcome:
        """Sweep. `fetch` gets the release, while rosters are read. Raises a CoordError where nothing could be asked."""
        watch({}, 0, 0.0, "reading the roster")
        with first_error():
            async with trio.open_nursery() as nursery:
                current = await self._rings.open(nursery, fetch)
                self._check_items(current)
                selection = self._select()
                began, epoch = trio.current_time(), time.time() - trio.current_time()
                ledger = self._plan(current, selection, epoch)
                nursery.start_soon(self._progress, ledger, began, watch)
                await self._rings.ask()
                nursery.cancel_scope.cancel()
        ended = self._rings.ended(began)
        reader = Reader(current.by_prefix, self._request.items, current.resolvers)
        ledger.close(ended - began, reader.basis)
        return Outcome(ledger, self._facts(current, selection, began, ended, epoch), reader, current.known)

    # ---- before the question ----------------------------------------------------------------------------------------

    def _check_items(self, current: Current) -> None:
        patterns = self._request.items
        known = sorted({item for release in current.releases for item in release.items})
        for pattern in patterns:
            if not any(fnmatchcase(item, pattern) for item in known):
                close = difflib.get_close_matches(pattern, known, 1, 0.5)
                advice = f"did you mean {close[0]}?" if close else f"it has {len(known)} items"
                raise ItemError(f"no item of release {current.release.number} matches {plain(pattern)!r}: {advice}")
        try:
            encode_question(
                Question(
                    sweep=self._id,
                    release=current.prefix,
                    number=current.release.number,
                    canary=current.canary_prefix,
                    items=patterns,
                    answer_within_ms=1,
                    max_age_ms=round(self._request.max_age_s * 1000),
                    issued_at=0,
                )
            )
        except WireError as problem:
            raise ItemError(f"these items cannot be asked for in one question: {problem}") from problem

    def _select(self) -> Selection:
        members = self._rings.members()
        if not members:
            raise TargetError("the roster is empty: no ring has a member that could be swept")
        return select([member for _, member in members], self._request.targets, self._request.exclude, self._groups)

    # ---- the question -----------------------------------------------------------------------------------------------

    def _plan(self, current: Current, selection: Selection, epoch: float) -> Ledger:
        """The ledger of all targets, each with the release that it should be judged by."""
        members = self._rings.members()
        nodes = [_node(*members[index], current) for index in selection.chosen]
        ledger = Ledger(nodes, current.prefix, Evidence(current.numbers, bool(current.asked_facts)))
        asked = Asked(
            sweep=self._id,
            number=current.release.number,
            canary=current.canary_prefix,
            items=self._request.items,
            timeout_s=self._request.timeout_s,
            max_age_ms=round(self._request.max_age_s * 1000),
        )
        self._rings.plan(ledger, asked, selection.tag, epoch)
        return ledger

    async def _progress(self, ledger: Ledger, began: float, watch: Watch) -> None:
        """Show how the ledger fills."""
        while True:
            states = ledger.tally()
            states.pop(WAITING, None)
            watch(states, len(ledger), trio.current_time() - began, "sweeping")
            await trio.sleep(limits.progress_s)

    def _facts(self, current: Current, selection: Selection, began: float, ended: float, epoch: float) -> Facts:
        notes = [note for note in (current.note, current.known.note) if note] + self._rings.notes()
        return Facts(
            sweep=self._id,
            started=datetime.fromtimestamp(epoch + began, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            epoch=epoch + began,
            seconds=ended - began,
            release=current.release,
            canary=current.canary,
            match=current.match,
            targets=self._request.targets,
            exclude=self._request.exclude,
            items=self._request.items,
            max_age_s=self._request.max_age_s,
            absent=selection.absent,
            twins=twins_of((ring, member.name) for ring, member in self._rings.members()),
            rings=self._rings.facts(began),
            notes=tuple(notes[: limits.notes_max]),
            interrupted=self._interrupted,
        )


def _node(ring: str, member: Member, current: Current) -> Node:
    """A line of the ledger, before anything is asked."""
    facts, seen = current.facts_of(member.name)
    return Node(
        ring,
        member.name,
        member.address,
        member.tags,
        member.status,
        wants=current.wants(member.name, member.tags, facts),
        facts=facts,
        seen=seen,
    )
