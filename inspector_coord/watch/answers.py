"""CORE. What comes back on questions: answers and acks find their way to whoever asked, and the end does, too."""

from __future__ import annotations

from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open, Purpose
from inspector_coord.watch.court import Court
from inspector_coord.watch.incidents import Basis
from inspector_coord.watch.isolation import Isolation
from inspector_coord.watch.lines import Lines
from inspector_coord.watch.members import Node
from inspector_coord.watch.model import Acked, Answered, AskOver
from inspector_coord.watch.rolls import Rolls
from inspector_coord.watch.state import State

__all__ = ["Answers"]


class Answers:
    """See the module's text. Answers of who was not asked, or is no member, are dropped."""

    def __init__(self, state: State, isolation: Isolation, court: Court, rolls: Rolls, lines: Lines) -> None:
        self._state, self._isolation, self._court = state, isolation, court
        self._rolls, self._lines = rolls, lines

    def answered(self, event: Answered, now: float) -> None:
        """A node has answered."""
        state = self._state
        one, node = state.asks.get(event.ask), state.members.nodes.get(event.node)
        if one is None or node is None or (one.names and event.node not in one.names):
            return  # late beyond all use, or nobody who was asked
        self._note(node, event)
        if one.purpose is Purpose.ROLL:
            node.roll, node.took_s = one.number, now - one.at
        self._lives(event.node, one.vantage, now)
        if one.names:
            self._said(one, event.node, now)
        if one.names and event.node not in one.answered:
            one.answered[event.node] = now
            self._by_name(one, node, event, now)

    def _note(self, node: Node, event: Answered) -> None:
        """What a node says of itself."""
        state, answer = self._state, event.answer
        silent = answer.picture.alive + answer.picture.failed == 0  # its Serf agent does not say how it is
        node.health = limits.health_unknown if silent else min(max(answer.health, 0), limits.health_max)
        node.lag_ms = answer.lag_ms
        alive = len(state.members) - state.members.failed_count  # as home lists them, which hears the majority
        node.minority = not silent and answer.picture.alive < limits.majority_share * alive

    def _by_name(self, one: Open, node: Node, event: Answered, now: float) -> None:
        """Somebody who was asked by name has answered for the first time."""
        state, answer = self._state, event.answer
        state.hearing.note(node.name, one, now, state.asks.heard(answer.heard[: limits.heard_max]))
        if one.purpose is Purpose.LOOK:
            self._court.answered(one, node.name, answer, now)
        elif one.purpose is Purpose.CROSS:
            self._lines.note(one, node, answer)
        elif one.purpose is not Purpose.PICTURE:
            node.took_s = now - one.at
        if one.complete and one.purpose is not Purpose.LOOK:
            self.over(one.number, now)

    def _lives(self, name: str, vantage: int, now: float) -> None:
        state = self._state
        suspect = state.suspicion.get(name)
        if suspect is not None:
            suspect.answers[vantage] = None
        known = state.gathering.of(name)
        if known is not None and not state.frozen and known.entries[name].basis is Basis.AGENT:
            state.gathering.returned(name, now)

    def acked(self, event: Acked, now: float) -> None:
        """A node's Serf agent has heard a question."""
        state = self._state
        one, name = state.asks.get(event.ask), event.node
        if one is None or name not in one.names or name in one.acked:
            return
        one.acked[name] = now
        state.patience.acked(now - one.at, now)
        suspect = state.suspicion.get(name)
        if suspect is not None:
            suspect.acks[one.vantage] = None
        self._said(one, name, now)

    def _said(self, one: Open, name: str, now: float) -> None:
        """Somebody who was asked by name has said something: a picture may show the majority before its end."""
        cleared = self._state.pictures.said(one.vantage, name)
        if cleared or one.purpose is Purpose.PICTURE:
            self._isolation.heard(one, now)
        if cleared:
            self._court.reconsider(now)

    def ask_over(self, event: AskOver, now: float) -> None:
        """The shell says that nothing more comes."""
        one = self._state.asks.get(event.ask)
        if one is not None:
            if event.problem and one.purpose is Purpose.PICTURE:
                self._state.pictures.discard(one)  # it was never asked, so that nobody answered means nothing
            self.over(one.number, now)

    def over(self, number: int, now: float) -> None:
        """Nobody is waited for any more."""
        state = self._state
        one = state.asks.get(number)
        state.agenda.drop(("ask", number))
        if one is None or one.over:
            return
        one.over = True
        state.seen_loss(one)
        if one.purpose is Purpose.LOOK:
            self._court.look(one.key, now)
        elif one.purpose is Purpose.PICTURE:
            self._isolation.decide(now)
            self._court.reconsider(now)
        elif one.purpose is Purpose.ROLL:
            self._rolls.over(one, now)
        elif one.purpose is Purpose.CROSS:
            self._lines.over(one, now)
        elif one.purpose is Purpose.MASS:
            self._court.mass_over(one, now)
        else:
            self._rolls.named_over(one, now)
