"""CORE. Thousands of suspects at once: a zone without power, or cut off.

A question has 16 targets, and a ring takes a few questions a second, so looking at each would take minutes. Then a
roll call through every vantage tells within seconds who of them lives, and on which side. Those that say nothing
anywhere, and that Serf lists as failed, are taken for what those of their place are that went when they did and have
been looked at, if all of these are the same; and they are looked at afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from msgspec import structs

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.asks import Open, Purpose
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.directions import Directions
from inspector_coord.watch.incidents import Basis
from inspector_coord.watch.state import State
from inspector_coord.watch.suspicion import Cause, Suspect

__all__ = ["Masses"]

_GAP_S: Final = limits.mass_roll_s / 2
"""Before the first roll call, which doubles it."""


class Masses:
    """See the module's text."""

    def __init__(self, state: State, directions: Directions) -> None:
        self._state, self._directions = state, directions
        self._asked_at, self._gap_s = -NEVER, _GAP_S
        self._open = 0
        self._over_at = -NEVER  # when the roll call was asked that is over

    def tend(self, now: float) -> None:
        """Called when it is a mass, and until it is over: is there anything to do?"""
        state = self._state
        if state.suspicion.unjudged <= limits.mass_over:
            self._gap_s = _GAP_S  # the next one has nothing to do with it
            return
        state.agenda.sooner(("mass", 0), now + limits.mass_step_s)
        if state.frozen or state.suspicion.unjudged <= limits.mass_min:
            return
        if now >= self._asked_at + self._gap_s:
            self._ask(now)
        if self._over_at > -NEVER:
            self._judge(now)

    def _ask(self, now: float) -> None:
        """Who of all lives, and on which side?"""
        state = self._state
        self._gap_s = min(2 * self._gap_s, limits.mass_roll_s_max)
        self._asked_at, self._open = now, 0
        spread_s = min(len(state.members) / limits.mass_rate_per_s, limits.roll_spread_s_max)
        wait_s = limits.answer_s + spread_s + state.settle_s(now) + limits.roll_slack_s
        for vantage in state.vantages.usable():
            ask = state.asks.send(
                Purpose.MASS, vantage.number, (), now, wait_s=wait_s, spread_s=spread_s
            )  # fmt: skip
            state.asked(ask)
            self._open += 1

    def over(self, one: Open, now: float) -> None:
        """Nobody else is waited for through one vantage."""
        if one.at == self._asked_at:
            self._open -= 1
            if not self._open:
                self._over_at = one.at
                self._state.agenda.put(("mass", 0), now)

    def _judge(self, now: float) -> None:
        """Those that were not looked at yet, by what is known of their places."""
        state = self._state
        known = {one.number for one in state.vantages.usable() if state.with_home(one.number, now)}
        alike: dict[tuple[str, bool], Finding | None] = {}
        waiting = list(state.suspicion.waiting())
        since = min((one.since for one in waiting if one.cause is Cause.SERF), default=NEVER) - limits.mass_alike_s
        for suspect in waiting:
            node = state.members.nodes[suspect.name]
            if suspect.cause is not Cause.SERF or suspect.since > self._over_at + limits.mass_fresh_s:
                continue
            if node.status != "failed" or not known.isdisjoint(suspect.answers):
                continue
            lives = bool(suspect.answers)
            finding = next(
                (one for one in (self._alike(tag, since, alike, lives=lives) for tag in node.places) if one), None
            )
            if finding is not None:
                self._take(suspect, finding, now)

    def _take(self, suspect: Suspect, finding: Finding, now: float) -> None:
        state = self._state
        if len(finding.parted) == 1:
            found = self._directions.of(finding.parted[0], suspect, now)
            finding = structs.replace(finding, direction=found)
        state.suspicion.drop(suspect.name)
        state.gathering.put(suspect.name, finding, Basis.SERF, suspect.since, now, assumed=True)
        if not suspect.answers:
            state.suspicion.begin(suspect.name, Cause.REVIEW, suspect.since, now)

    def _alike(
        self, tag: str, since: float, known: dict[tuple[str, bool], Finding | None], *, lives: bool
    ) -> Finding | None:
        """What all with this tag are that went since then and were looked at; None where they differ or are few.

        lives: of those that answer behind a cut. They are not down, whatever others there are.
        """
        if (tag, lives) not in known:
            known[tag, lives] = self._common(tag, since, lives=lives)
        return known[tag, lives]

    def _lives(self, place: str) -> bool:
        """Whether an entry that stands there can be used: then not all are down there, whatever some are."""
        state = self._state
        return any(state.at_place(one.node, place) for one in state.vantages.usable())

    def _common(self, tag: str, since: float, *, lives: bool) -> Finding | None:
        state = self._state
        if state.members.failed.get(tag, 0) < limits.domain_share_min * state.members.of(tag):
            return None
        found: dict[Kind, list[Finding]] = defaultdict(list)
        for one in state.gathering:
            if one.counts[tag] and not (lives and one.kind is not Kind.CUT_OFF):
                entries = one.entries.values()
                found[one.kind] += [
                    each.finding for each in entries if tag in each.tags and each.since >= since and not each.assumed
                ]
        kind, findings = max(found.items(), key=lambda pair: len(pair[1]), default=(Kind.DOWN, []))
        count = len(findings)
        enough = count >= max(limits.mass_looked_min, limits.mass_alike_share * sum(map(len, found.values())))
        if not enough or kind not in (Kind.DOWN, Kind.CUT_OFF) or (kind is Kind.DOWN and self._lives(tag)):
            return None
        first = findings[0]
        return structs.replace(first, evidence=f"like all {count} of {tag} that were looked at: {first.evidence}")
