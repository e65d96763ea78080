"""CORE. Suspects are looked at, judged, and handed to the incidents."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from inspector_agent.witness.messages import WitnessAnswer
from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.asks import Open
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.crossing import Crossing
from inspector_coord.watch.cuts import UNKNOWN
from inspector_coord.watch.directions import Directions
from inspector_coord.watch.incidents import Basis, Incident
from inspector_coord.watch.isolation import Isolation
from inspector_coord.watch.judging import Case, Seen, Verdict, judge
from inspector_coord.watch.looks import Looks
from inspector_coord.watch.masses import Masses
from inspector_coord.watch.state import State
from inspector_coord.watch.suspicion import Cause, Suspect
from inspector_coord.watch.witnesses import weight

__all__ = ["Court"]

Places = tuple[str, ...]


class Court:
    """See the module's text. A verdict needs a picture that shows the majority; until there is one it is pending."""

    def __init__(self, state: State, isolation: Isolation, crossing: Crossing) -> None:
        self._state, self._isolation, self._crossing = state, isolation, crossing
        self._looks = Looks(
            state.members, state.asks, state.vantages, state.suspicion, state.agenda, state.settings.witnesses
        )
        self._directions = Directions(state)
        self._masses = Masses(state, self._directions)
        self._pending: dict[str, None] = {}
        self._not_before = -NEVER  # no question may be asked before

    # ---- looking ----------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Look at those that are due, as far as questions may be asked."""
        state = self._state
        if state.suspicion.unjudged > limits.mass_min:
            self._masses.tend(now)
        while not state.frozen and state.suspicion.next_at <= now:
            home = state.vantages.home
            free = max((state.asks.free_at(one.number, now, spare=1) for one in state.vantages.usable()), default=now)
            if home is None or free > now:
                self._not_before = free if free > now else now + limits.again_s
                return
            batch = [one for one in state.suspicion.batch(now) if one.name in state.members.nodes]
            if not batch:
                break
            self._isolation.want(now)
            wait_s = limits.answer_within_s + state.settle_s(now)
            ack_s = wait_s if state.lossy else state.gossip_s + limits.ack_s
            waits_s = (ack_s, state.settle_s(now) + limits.ack_s, wait_s)
            for ask in self._looks.begin(batch, waits_s, lambda vantage: state.minority(vantage, now), now):
                state.asked(ask)

    @property
    def looks_at(self) -> float:
        """When `begin` has something to do."""
        return NEVER if self._state.frozen else max(self._state.suspicion.next_at, self._not_before)

    def answered(self, one: Open, witness: str, answer: WitnessAnswer, now: float) -> None:
        """A witness has told what it saw of the suspects."""
        for target, sight in zip(one.targets, answer.sights, strict=False):
            suspect = self._state.suspicion.get(target)
            if suspect is not None and sight is not None and target != witness:
                suspect.saw(witness, sight, one.vantage, now)
                suspect.heard_beside |= one.vantage != self._state.vantages.home
        self.look(one.key, now)

    def look(self, number: int, now: float) -> None:
        """A look may have brought all that it can."""
        look = self._looks.get(number)
        if look is not None and self._looks.ready(look, now):
            self._judge(self._looks.close(number), now)

    def reconsider(self, now: float) -> None:
        """A picture is there: those that were waiting for one are judged, and which way a cut is may be known now."""
        if not self._state.frozen and self._directions.tell(now):
            self._isolation.once_more(now)
            self._state.agenda.sooner(("court", 0), now + limits.pending_step_s)
        found = [self._state.suspicion.get(name) for name in self._pending]
        self._pending.clear()
        self._judge([one for one in found if one is not None], now)

    def clear(self) -> None:
        """Nobody is suspected any more."""
        self._looks.clear()
        self._pending.clear()

    def mass(self, now: float) -> None:
        """There may be too many suspects to look at each."""
        self._masses.tend(now)

    def mass_over(self, one: Open, now: float) -> None:
        """The roll call of a mass is over."""
        self._masses.over(one, now)

    # ---- judging ----------------------------------------------------------------------------------------------------

    def _judge(self, suspects: Iterable[Suspect], now: float) -> None:
        state = self._state
        home = state.vantages.home
        for suspect in suspects:
            node = state.members.nodes.get(suspect.name)
            if node is None:
                state.suspicion.drop(suspect.name)
                continue
            case = self._case(suspect, now)
            alone = self._one_sided(case)
            since = suspect.looked_at - (0.0 if alone else state.settings.picture_s)
            seen = home is not None and state.vantages.majority(home, since)
            if not seen or state.frozen or (alone and home is not None and not state.pictures.asked(home, since)):
                self._pending[suspect.name] = None
                if alone:
                    self._isolation.once_more(now)
                continue
            verdict = judge(case)
            if isinstance(verdict, Finding):
                self._found(suspect, verdict, now)
            elif verdict is Verdict.AGAIN:
                state.suspicion.again(suspect, now)
            else:
                self._well(suspect, now)

    def _one_sided(self, case: Case) -> bool:
        """Whether all who have told something of it stand where the home entry does: the ring may have parted there."""
        state = self._state
        home = state.vantages.home
        own = None if home is None else state.members.nodes.get(state.vantages[home].node)
        if own is None or not own.places or len(state.members.groups(0)) < 2:
            return False
        return {one.places[:1] for one in case.seen} == {own.places[:1]}

    def _case(self, suspect: Suspect, now: float) -> Case:
        state = self._state
        node = state.members.nodes[suspect.name]
        hearing = {one.number for one in state.vantages.usable() if state.with_home(one.number, now)}
        seen = []
        for witness, glimpse in suspect.seen.items():
            other = state.members.nodes.get(witness)
            if other is not None and now - glimpse.at < limits.glimpse_s:
                behind = glimpse.vantage not in hearing
                seen.append(
                    Seen(witness, other.places, weight(other), glimpse.reached, glimpse.refused, behind, glimpse.closed)
                )
        around, beyond = self._around(suspect, hearing, now)
        return Case(
            places=node.places, narrowest=state.members.narrowest(node), seen=seen,
            failed=node.status == "failed", looks=suspect.looks,
            losing=state.loss > limits.losing_share, lossy=state.lossy,
            healing=self._isolation.healing(suspect.since, now),
            answers=not hearing.isdisjoint(suspect.answers), answers_behind=bool(suspect.answers),
            around=around, beyond=beyond,
            acks=not hearing.isdisjoint(suspect.acks), beside=suspect.asked_beside, beside_heard=suspect.heard_beside,
            taken_by=state.members.namesake(node) if node.status == "failed" else "",
            blind=now - suspect.since >= limits.blind_s,
        )  # fmt: skip

    def _found(self, suspect: Suspect, finding: Finding, now: float) -> None:
        """Put it into an incident, unless it is better to wait for the direction of a cut, or to look twice."""
        state = self._state
        node = state.members.nodes[suspect.name]
        if finding.kind is Kind.CUT_OFF and len(finding.parted) == 1:
            finding = structs.replace(finding, direction=self._directions.of(finding.parted[0], suspect, now))
            if finding.direction == UNKNOWN and now < suspect.since + limits.pending_s_max:
                self._pending[suspect.name] = None
                self._isolation.once_more(now)
                state.agenda.sooner(("court", 0), now + limits.pending_step_s)
                return
        elif finding.kind is Kind.CUT_OFF and len(finding.parted) == 2:
            self._crossing.doubt(finding.parted)
            state.agenda.sooner(("cross", 0), now)
        state.suspicion.drop(suspect.name)
        old = state.gathering.of(suspect.name)
        if old is not None and suspect.cause is Cause.REVIEW and not self._sure(old, suspect.name, finding, now):
            return
        basis = Basis.LEFT if finding.kind is Kind.LEFT else Basis.SERF if node.status == "failed" else Basis.AGENT
        settled = old is not None and old.kind is Kind.FLAPPING and suspect.name not in state.flaps.flapping
        state.gathering.put(suspect.name, finding, basis, suspect.since, now, settled=settled)
        if finding.direction == UNKNOWN:
            state.agenda.sooner(("court", 0), now + limits.pending_step_s)

    def _sure(self, old: Incident, name: str, finding: Finding, now: float) -> bool:
        """Whether a review says what was known, or says something else for the second time."""
        entry = old.entries[name]
        if finding.kind is old.kind:
            entry.doubted = None
            return True
        if entry.doubted is None or entry.doubted[0] is not finding.kind:
            entry.doubted = (finding.kind, now)
            return False
        # after a cut, TCP passes at once, and Serf takes its time to list everybody as alive
        return now >= entry.doubted[1] + (limits.heal_s if old.kind is Kind.CUT_OFF else 0.0)

    def _around(self, suspect: Suspect, hearing: set[int], now: float) -> tuple[list[Places], list[Places]]:
        """Where those stand that answer the vantages behind a cut through which the suspect lives, and all others."""
        state = self._state
        through = {*suspect.answers, *(one.vantage for one in suspect.seen.values() if one.reached)} - hearing
        if not through:
            return [], []
        since = max(suspect.since - 1.0, now - limits.glimpse_s)
        near: dict[str, None] = dict.fromkeys([suspect.name] if suspect.answers else [])
        far: set[str] = set()
        for ask in state.asks.recent(since):
            if ask.vantage in through:
                near.update(dict.fromkeys(ask.answered))
            elif ask.vantage in hearing:
                far.update(ask.answered)
        return self._places(name for name in near if name not in far), self._places(far)

    def _places(self, names: Iterable[str]) -> list[Places]:
        found = (self._state.members.nodes.get(name) for name in names)
        return sorted({node.places for node in found if node is not None})

    def _well(self, suspect: Suspect, now: float) -> None:
        """Nothing is told of it. One that Serf lists as failed stays suspected."""
        state = self._state
        state.suspicion.judged(suspect)
        node = state.members.nodes[suspect.name]
        if suspect.cause is Cause.SERF and node.status == "failed":
            soon = self._isolation.healed_at + limits.heal_s
            state.suspicion.later(suspect, now, soon if self._isolation.healing(suspect.since, now) else NEVER)
        else:
            node.missed = 0
            state.suspicion.drop(suspect.name)

    # ---- looking again ----------------------------------------------------------------------------------------------

    def review(self, number: int, now: float) -> None:
        """An open incident is looked at again, a few of its nodes at a time: it may be another one by now."""
        state = self._state
        one = state.gathering.get(number)
        if one is None:
            return
        state.agenda.put(("review", number), now + min(max(limits.review_s, now - one.since), limits.review_s_max))
        if state.frozen:
            return
        names = [name for name, entry in one.entries.items() if entry.basis is Basis.SERF and not entry.back]
        start = one.reviewed % len(names) if names else 0
        for name in (names[start:] + names[:start])[: limits.targets_max]:
            if name in state.members.nodes:
                state.suspicion.begin(name, Cause.REVIEW, one.entries[name].since, now)
        one.reviewed = start + limits.targets_max
