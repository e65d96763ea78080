"""CORE. Lines between two places, which Serf does not see: asked for, and told as an incident of the farther place."""

from __future__ import annotations

from inspector_agent.witness.messages import WitnessAnswer
from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open, Purpose, fitting
from inspector_coord.watch.conclusions import Finding, Happening, Kind
from inspector_coord.watch.crossing import Broken, Crossing, Pair
from inspector_coord.watch.cuts import direction_between
from inspector_coord.watch.incidents import Basis
from inspector_coord.watch.isolation import Isolation
from inspector_coord.watch.members import Node
from inspector_coord.watch.state import State

__all__ = ["Lines"]


class Lines:
    """See the module's text."""

    def __init__(self, state: State, isolation: Isolation, crossing: Crossing) -> None:
        self._state, self._isolation, self._crossing = state, isolation, crossing
        self._gap_s = limits.cross_open_s

    def take_over(self, told: Happening) -> None:
        """A line that was open when another watcher ended."""
        if len(told.parted) == 2:
            self._crossing.resume((min(told.parted), max(told.parted)))

    def forget(self) -> None:
        """What is known of paths may be from before the watcher was isolated."""
        self._crossing.forget()

    def note(self, one: Open, witness: Node, answer: WitnessAnswer) -> None:
        """A witness has told whom it reaches; what comes after the end of a round is of no use."""
        if not one.over:
            self._crossing.note(one, witness, answer.sights)

    def ask(self, now: float) -> None:
        """Let some nodes of each place connect to some of each other place."""
        state, crossing = self._state, self._crossing
        home = state.vantages.home
        state.agenda.put(("cross", 0), now + state.settings.roll_s)
        if home is None or state.frozen:
            return
        free = state.asks.free_at(home, now)
        if free > now:
            state.agenda.put(("cross", 0), free)
            return
        for pair in crossing.vanished():
            self._heal(pair, now)
        names = fitting(crossing.names(), limits.question_names_bytes // 2, limits.targets_max)
        if not names:
            return
        wait_s = limits.answer_within_s + state.gossip_s
        ask = state.asks.send(
            Purpose.CROSS, home, names, now, wait_s=wait_s, targets=tuple(names), relay=limits.named_relay
        )
        state.asked(ask)
        if crossing.doubted:
            self._isolation.want(now)

    def over(self, one: Open, now: float) -> None:
        """A round is over."""
        state, crossing = self._state, self._crossing
        broken, healed = crossing.over(one)
        if state.frozen:
            return
        for found in broken:
            self._gap_s = limits.cross_open_s
            self._tell(found, now)
        for pair in healed:
            self._heal(pair, now)
        if crossing.open_doubts:
            state.agenda.sooner(("cross", 0), now + limits.cross_again_s)
        elif crossing.broken:
            state.agenda.sooner(("cross", 0), now + self._gap_s)
            self._gap_s = min(2 * self._gap_s, limits.cross_open_s_max)

    def _tell(self, found: Broken, now: float) -> None:
        """All members of the farther place are cut off from the nearer one, whatever Serf lists."""
        state = self._state
        near, far = self._sides(found.pair)
        evidence = (
            f"{near} and {far} do not reach each other ({found.tries} connections tried), "
            f"{', '.join(found.bridges[: limits.line_places_max])} reaches both"
        )
        finding = Finding(Kind.CUT_OFF, evidence, (near, far), self._direction(near, far, found.since, now))
        for name in sorted(state.members.at_place(far)):
            known = state.gathering.of(name)
            if known is None or known.kind is Kind.CUT_OFF:
                state.suspicion.drop(name)
                state.gathering.put(name, finding, Basis.LINE, now, now)

    def _heal(self, pair: Pair, now: float) -> None:
        """They reach each other again."""
        state = self._state
        for one in state.gathering:
            for name, entry in list(one.entries.items()):
                if entry.basis is Basis.LINE and sorted(entry.finding.parted) == sorted(pair):
                    node = state.members.nodes.get(name)
                    if node is not None and node.status == "alive":
                        state.gathering.returned(name, now)
                    else:
                        entry.basis = Basis.SERF

    def _sides(self, pair: Pair) -> tuple[str, str]:
        """The nearer and the farther place: home is not at the farther one, and else that is the smaller."""
        state = self._state
        home = state.vantages.home
        node = state.members.nodes.get(state.vantages[home].node) if home is not None else None
        here = node.places if node is not None else ()
        first, second = pair
        if first in here or second in here:
            return (first, second) if first in here else (second, first)
        if len(state.members.at_place(first)) < len(state.members.at_place(second)):
            return second, first
        return first, second

    def _direction(self, near: str, far: str, since: float, now: float) -> str:
        """What was heard before does not count: the path was whole then."""
        state = self._state
        since = max(since, now - limits.hearing_s)
        said, asks = state.hearing.since(since), list(state.asks.recent(since))
        return direction_between(
            said, asks, lambda name: state.at_place(name, far), lambda name: state.at_place(name, near),
            (
                lambda number: number in state.vantages and state.at_place(state.vantages[number].node, far),
                lambda number: number in state.vantages and state.at_place(state.vantages[number].node, near),
            ),
            state.settle_s(now),
        )  # fmt: skip
