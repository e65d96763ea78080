"""Shell: the drift report put together, from one transaction: what the cores make of what the queries read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import sqlalchemy as sa

from inspector_coord.drift import events, heat, limits, measures, queries
from inspector_coord.drift.attributing import Event, Events, Tags, happenings_told, window_s
from inspector_coord.drift.codes import MISSED, decoded
from inspector_coord.drift.columns import ordered
from inspector_coord.drift.document import Document, Group, Sweeps
from inspector_coord.drift.figures import Corrections, Drifter, Heat, Longest, Offender, Point, Share
from inspector_coord.drift.folding import Folded, bucket, fold, ranked, within_bounds
from inspector_coord.drift.intervals import Sweeps as Among
from inspector_coord.drift.intervals import deviations
from inspector_coord.drift.journal import incidents
from inspector_coord.drift.period import Period, told
from inspector_coord.drift.saying import Aside, exit_code, notes_of
from inspector_coord.drift.scope import Scope, Wanted, find_scope
from inspector_coord.drift.telling import Teller
from inspector_coord.errors import ConfigError
from inspector_coord.groups import Groups
from inspector_coord.history import tables as t
from inspector_coord.history.model import NO_VERDICT, PARTIAL, UNREACHED
from inspector_coord.plain import plain
from inspector_coord.watch.record import Record

__all__ = ["DIMENSIONS", "Asked", "Beside", "make_report"]

DIMENSIONS = ("zone", "rack", "item", "layer", "owner")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is wanted of. by: `item`, `layer`, `owner` or a tag; None: those of DIMENSIONS that there are."""

    period: Period
    wanted: Wanted = Wanted()
    by: tuple[str, ...] | None = None
    fail_on: str = "info"


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the history: groups of nodes, items of the release with owners, the watch's records."""

    groups: Groups
    owners: Mapping[str, str] = {}
    records: Sequence[Record] = ()
    notes: tuple[str, ...] = ()


def make_report(connection: sa.Connection, asked: Asked, beside: Beside) -> Document:
    """The document. Raises TargetError, ItemError and ConfigError for what was asked that cannot be."""
    scope = find_scope(connection, asked.period, asked.wanted, beside.groups, beside.owners)
    return _Report(connection, asked, beside, scope).document()


class _Report:
    """One report in the making."""

    def __init__(self, connection: sa.Connection, asked: Asked, beside: Beside, scope: Scope) -> None:
        self._connection, self._asked, self._beside, self._scope = connection, asked, beside, scope
        self._among = Among(scope.first, scope.last, scope.whole)
        states = queries.states_at(connection, scope, scope.last)
        missed = {state.node for state in queries.states_at(connection, scope, scope.whole)}
        self._intervals = queries.intervals(connection, scope)
        away = {state.node for state in states if state.state != PARTIAL}
        self._found = deviations(self._intervals, self._among, away, missed)
        self._folding = fold(self._found)
        self._of_nodes = measures.by_node(self._found)
        left = missed.intersection(one.node for one in self._of_nodes if one.unknown)
        left.difference_update(state.node for state in states)
        states += [queries.State(node, MISSED, scope.whole) for node in sorted(left)]
        self._at: dict[int, float] = {}
        self._learn({state.opened for state in states})
        self._states = [(state.node, state.state, self._at[state.opened]) for state in states]
        self._points = queries.points(connection, scope)

    def document(self) -> Document:
        """All of it."""
        scope, asked = self._scope, self._asked
        folded = ranked(self._folding.groups, self._ages())
        shown = within_bounds(folded)
        found, more = self._events(shown)
        told_groups = self._groups(shown, found)
        never = [node.id for node in scope.nodes.values() if not node.judged]
        covered = measures.coverage(self._states, never, asked.period.until, self._name)
        aside = self._aside(measures.hidden(self._states, never), more)
        offenders, drifters = self._ranks()
        tallies = self._origins()
        by = self._by()
        happened, happened_more = happenings_told([one for one in found if one.at >= asked.period.since], self._name)
        return Document(
            since=told(asked.period.since), until=told(asked.period.until), targets=list(asked.wanted.targets),
            items=list(asked.wanted.items), fail_on=asked.fail_on, exit_code=exit_code(aside, folded, asked.fail_on),
            sweeps=self._sweeps(aside), nodes=len(scope.nodes), summary=tallies.total(), origins=tallies.counts(),
            groups=told_groups, groups_left=len(folded) - len(shown),
            deviations_left=sum(one.count for one in folded) - sum(one.count for one in shown),
            by={word: shares[: limits.shares_max] for word, shares in by.items()},
            by_left={word: left for word, shares in by.items() if (left := len(shares) - limits.shares_max) > 0},
            compliance=self._compliance(),
            corrections=self._corrections(), offenders=offenders, drifters=drifters, coverage=covered,
            heat=self._heat(shown),
            happenings=happened, happenings_left=happened_more,
            notes=[*self._beside.notes, *notes_of(aside)],
        )  # fmt: skip

    # ---- small things -----------------------------------------------------------------------------------------------

    def _name(self, node: int) -> str:
        return self._scope.names[node]

    def _item(self, item: int) -> str:
        return self._scope.items[item]

    def _owner(self, item: str) -> str:
        return self._beside.owners.get(item, "")

    def _learn(self, sweeps: set[int]) -> None:
        """When these sweeps were."""
        self._at.update(queries.times(self._connection, sweeps - self._at.keys()))

    def _ages(self) -> list[tuple[int, int]]:
        s, until = t.sweeps.c, self._asked.period.until
        ages = []
        for hours in (1, 6, 24, 72, 168):
            first = self._connection.scalar(sa.select(sa.func.min(s.id)).where(s.at >= until - hours * 3_600))
            if first is not None:
                ages.append((first, bucket(hours * 3_600)))
        return ages

    def _aside(self, unknown: int, more: bool) -> Aside:  # noqa: FBT001 -- one of several facts, named there
        s, period = t.sweeps.c, self._asked.period
        among = s.id.between(self._scope.first, self._scope.last)
        wanted = self._asked.wanted
        return Aside(
            sweeps=self._connection.scalar(sa.select(sa.func.count()).where(among)) or 0, whole=len(self._points),
            ever=self._connection.scalar(sa.select(sa.func.max(s.at))), since=period.since, until=period.until,
            narrowed=bool(wanted.targets or wanted.exclude or wanted.items), more_happened=more, unknown=unknown,
        )  # fmt: skip

    def _sweeps(self, aside: Aside) -> Sweeps:
        first, last = self._scope.first, self._scope.last
        if not aside.sweeps:
            return Sweeps(count=0, whole=0)
        self._learn({first, last})
        return Sweeps(count=aside.sweeps, whole=aside.whole, first=told(self._at[first]), last=told(self._at[last]))

    # ---- groups -----------------------------------------------------------------------------------------------------

    def _events(self, shown: Sequence[Folded]) -> tuple[list[Event], bool]:
        """(all that may explain something; whether there was more)."""
        self._learn({one.opened for one in shown})
        begin = min([self._asked.period.since, *(self._at[one.opened] for one in shown)]) - limits.before_s_max
        happened, more = events.happenings(self._connection, self._scope, begin)
        ids = {(node.ring, node.name): node.id for node in self._scope.nodes.values()}
        watched = incidents(list(self._beside.records), ids, begin, self._asked.period.until)
        released = events.releases(self._connection, self._scope, {one.item for one in shown})
        known = [one for one in happened if one.node is None or one.node in self._scope.names]
        states, more_states = events.states(self._connection, self._scope, begin)
        return [*known, *states, *watched, *released], more or more_states

    def _groups(self, shown: Sequence[Folded], found: Sequence[Event]) -> list[Group]:
        members = self._folding.members(self._found, shown)
        texts = queries.texts(
            self._connection, {text for one in shown for text in (one.expected, one.source, one.observed)}
        )
        unjudged = {node for node, _, _ in self._states}
        times = [point.at for point in self._points]
        teller = Teller(
            texts=texts, at=self._at, name=self._name, item=self._item, owner=self._owner,
            tags=Tags(
                {node.id: node.tags for node in self._scope.nodes.values()},
                [node.id for node in self._scope.nodes.values() if node.judged and node.id not in unjudged],
            ),
            events=Events(found),
            window=window_s([late - early for early, late in pairwise(times)]),
        )  # fmt: skip
        self._learn(set().union(*map(teller.sweeps_of, shown, members)) - {0})
        return [
            teller.group(number, one, of_it) for number, (one, of_it) in enumerate(zip(shown, members, strict=True))
        ]

    def _heat(self, shown: Sequence[Folded]) -> Heat:
        by_node, by_item = Counter[int](), Counter[int]()
        for one in self._of_nodes:
            by_node[one.node] += one.count
        for group in self._folding.groups:
            by_item[group.item] += group.count
        nodes = sorted(heat.widest(by_node, limits.heat_nodes_max), key=self._name)
        items = heat.widest(by_item, limits.heat_items_max)
        cells = heat.cells(self._found, self._folding.of, nodes, items)
        self._learn({cell.opened for cell in cells})
        return heat.heat_of(
            cells,
            heat.Axis(nodes, [self._name(node) for node in nodes], len(by_node)),
            heat.Axis(items, [self._item(item) for item in items], len(by_item)),
            total=by_item.total(), groups={one.number: place for place, one in enumerate(shown)}, at=self._at,
            unknown=self._states,
        )  # fmt: skip

    # ---- sums -------------------------------------------------------------------------------------------------------

    def _origins(self) -> measures.Tally:
        tally = measures.Tally()
        for group in self._folding.groups:
            tally.add(decoded(group.code).origin, group.code, group.count, group.unknown)
        return tally

    def _by(self) -> dict[str, list[Share]]:
        tags = {key for node in self._scope.nodes.values() for key in node.tags}
        owned = {"owner"} if any(self._beside.owners.values()) else set()
        own = {"item", "layer"} | owned
        wanted = self._asked.by if self._asked.by is not None else tuple(d for d in DIMENSIONS if d in own | tags)
        for dimension in wanted:
            if dimension not in own | tags | {"owner"}:
                known = ", ".join(["item", "layer", "owner", *sorted(plain(tag, 40) for tag in tags)])
                raise ConfigError(f"--by {plain(dimension)!r}: no node has such a tag; there are {known}")
        return {dimension: self._shares(dimension) for dimension in wanted}

    def _shares(self, dimension: str) -> list[Share]:
        tally = measures.Tally()
        if dimension in {"item", "layer", "owner"}:
            sources = {group.source for group in self._folding.groups if dimension == "layer"}
            layers = queries.texts(self._connection, sources)
            for group in self._folding.groups:
                item = self._item(group.item)
                source = layers.get(group.source, "")
                value = {"item": item, "owner": self._owner(item)}.get(dimension, source.rpartition(":")[0] or source)
                tally.add(value, group.code, group.count, group.unknown)
        else:
            for one in self._of_nodes:
                value = self._scope.nodes[one.node].tags.get(dimension, "")
                tally.add(value, one.class_, one.count, one.unknown)
        return tally.shares()

    def _ranks(self) -> tuple[list[Offender], list[Drifter]]:
        openings: dict[int, tuple[int, int]] = {}
        for one in self._of_nodes:
            times, items = openings.get(one.node, (0, 0))
            openings[one.node] = (times + one.openings, items + one.fresh)
        drifting: dict[int, tuple[int, int]] = {}
        for group in self._folding.groups:
            if decoded(group.code).origin == "drift":
                times, on = drifting.get(group.item, (0, 0))
                drifting[group.item] = (times + group.openings, on + group.fresh)
        return measures.ranks(openings, drifting, self._name, self._item)

    def _corrections(self) -> Corrections:
        passed = measures.put_right(self._intervals, self._among)
        if not len(passed.node):
            return Corrections()
        self._learn({*np.unique(passed.opened).tolist(), *np.unique(passed.closed).tolist()})
        minutes = measures.minutes_of(passed, self._at)
        mean, median = measures.mean_and_median(minutes)
        longest = ordered(minutes, passed.closed)[-1]
        opened, closed = (self._at[int(of[longest])] for of in (passed.opened, passed.closed))
        return Corrections(
            count=len(minutes), mean_s=round(mean, 1), median_s=median,
            longest=Longest(
                node=self._name(int(passed.node[longest])), item=self._item(int(passed.item[longest])),
                seconds=closed - opened, closed=told(closed),
            ),
        )  # fmt: skip

    def _compliance(self) -> list[Point]:
        """The ledger counts a busy node as `error`, and lists no ring that it could not ask: both are unknown."""
        sweeps = np.array([row.id for row in self._points], dtype=np.int64)
        unsaid, unreached = (
            measures.lasting(*queries.stays(self._connection, self._scope, state), sweeps).tolist()
            for state in (NO_VERDICT, UNREACHED)
        )
        return measures.thinned([_point(*each) for each in zip(self._points, unsaid, unreached, strict=True)])


def _point(row: queries.PointRow, without_verdict: int, unreached: int) -> Point:
    items = row.items_pass + row.items_fail + row.items_error + row.items_waived
    return Point(
        at=told(row.at), sweep=row.uid.hex(), nodes=row.targets - row.left + unreached,
        nodes_judged=row.pass_ + row.fail + row.error + row.uncovered - without_verdict, nodes_pass=row.pass_,
        items_judged=items, items_pass=row.items_pass + row.items_waived,
    )  # fmt: skip
