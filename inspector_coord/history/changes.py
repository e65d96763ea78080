"""CORE. What a sweep changes of what stands: intervals that open, close and are confirmed.

Only a judgement of an item closes or confirms: a node that was not judged, an item that was not asked for, an answer
that does not name all that is wrong leave things as they are. What confirms when is told in tables.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from inspector_coord.history.happenings import came_and_went, facts_happenings, moved, rebooted
from inspector_coord.history.model import (
    ABSENT,
    PARTIAL,
    UNREACHED,
    Booking,
    Changes,
    Closing,
    Happening,
    Key,
    Opening,
    Seen,
    Standing,
    StandingFinding,
    StandingNode,
)
from inspector_coord.history.origins import Origins

__all__ = ["changes_of"]

_NOTHING: Mapping[str, StandingFinding] = {}


def changes_of(standing: Standing, booking: Booking, sweep: int, at: float, origins: Origins) -> Changes:
    """What has to be written for a report. sweep: its id; at: its time."""
    return _Comparison(standing, booking, sweep, at, origins).run()


class _Comparison:
    """One report against what stands. Nothing of what stands is changed."""

    def __init__(self, standing: Standing, booking: Booking, sweep: int, at: float, origins: Origins) -> None:
        self._standing = standing
        self._booking = booking
        self._sweep = sweep
        self._at = at
        self._origins = origins
        self._asked = _asked(booking.sweep.patterns)
        self._confirmed: dict[int, int] = {}
        self._to = Changes()

    def run(self) -> Changes:
        listed = set()
        for seen in self._booking.nodes:
            listed.add(seen.key)
            self._node(seen)
        sweep = self._booking.sweep
        if not sweep.targets and not sweep.interrupted:
            for key, node in self._standing.nodes.items():
                if key not in listed:
                    self._state(key, node, UNREACHED if key[0] in self._booking.unreached else ABSENT)
        self._to.seen = list(self._confirmed.items())
        return self._to

    def _node(self, seen: Seen) -> None:
        node = self._standing.nodes.get(seen.key)
        if node is None:
            node = StandingNode(0)
            self._to.new_nodes.append(seen.key)
            if self._standing.last:
                self._to.happenings.append(Happening(self._at, "joined", seen.key, "is new"))
        self._tags(seen, node)
        self._facts(seen, node)
        judged = seen.state in ("", PARTIAL)
        if judged or not self._booking.sweep.interrupted:  # who was cut off from answering is not silent
            self._state(seen.key, node, seen.state)
        if judged:
            self._boot(seen, node)
            self._findings(seen, node)
            if seen.release != node.release:
                self._to.closed_releases += [node.release_id] * bool(node.release_id)
                self._to.releases.append((seen.key, seen.release))
            if not seen.state and not node.judged and not self._booking.sweep.patterns:
                self._to.judged.append(seen.key)

    def _state(self, key: Key, node: StandingNode, state: str) -> None:
        """A node is in another state: "" is judged."""
        if state == node.state:
            return
        self._to.happenings += came_and_went(key, node.state, state, self._at)
        if node.state_id:
            self._to.closed_states.append(node.state_id)
        if state:
            self._to.opened_states.append((key, state))
            if not node.state:  # from here on whole sweeps confirm nothing of it by themselves
                for finding in self._standing.findings.get(node.id, _NOTHING).values():
                    if finding.confirmed > finding.written:
                        self._confirmed[finding.id] = finding.confirmed

    def _findings(self, seen: Seen, node: StandingNode) -> None:
        """The items of a node that was judged."""
        by_itself = self._booking.sweep.whole and not seen.state
        open_ones = self._standing.findings.get(node.id, _NOTHING) if node.id else _NOTHING
        for item, finding in open_ones.items():
            now = seen.wrong.get(item)
            if now is None:
                if not seen.state and self._asked(item):
                    self._confirmed.pop(finding.id, None)
                    how = self._origins.how(seen, node, item)
                    self._to.closings.append(Closing(finding.id, finding.confirmed, how))
                continue
            if not by_itself:
                self._confirmed[finding.id] = self._sweep
            before = finding.wrong
            changed = (now.outcome, now.observed) != (before.outcome, before.observed)
            if changed or now[:4] != before[:4]:
                self._to.turned.append((finding.id, now, changed, finding.changes + changed))
        for item, now in seen.wrong.items():
            if item not in open_ones:
                origin = self._origins.origin(seen, node, item, now)
                self._to.openings.append(Opening(seen.key, item, now, origin, seen.release))

    def _tags(self, seen: Seen, node: StandingNode) -> None:
        if seen.tags == node.tags:
            return
        if node.tags_id:
            self._to.closed_tags.append(node.tags_id)
            self._to.happenings.append(moved(seen.key, node.tags, seen.tags, self._at))
        self._to.tags.append((seen.key, seen.tags))

    def _facts(self, seen: Seen, node: StandingNode) -> None:
        """A fact that is not told this time stays: which are told depends on what releases ask about."""
        for fact, text in seen.facts.items():
            row, before = node.facts.get(fact, (0, ""))
            if row and before == text:
                continue
            if row:
                self._to.closed_facts.append(row)
            self._to.facts.append((seen.key, fact, text))
        known = {fact: text for fact, (_, text) in node.facts.items()}
        self._to.happenings += facts_happenings(seen.key, known, seen.facts, self._at)

    def _boot(self, seen: Seen, node: StandingNode) -> None:
        if seen.booted is None:
            return
        happening, keep = rebooted(seen, node.booted, node.clock_s, self._at)
        if keep:
            self._to.booted.append((seen.key, seen.booted, seen.clock_s))
        self._to.happenings += happening


def _asked(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an item was asked for; its answers are kept, as most are asked again for another node."""
    if not patterns:
        return lambda _: True
    known: dict[str, bool] = {}

    def asked(item: str) -> bool:
        if item not in known:
            known[item] = any(fnmatchcase(item, pattern) for pattern in patterns)
        return known[item]

    return asked
