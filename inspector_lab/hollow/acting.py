"""CORE. Who hears a question when, and what comes of it: the Serf agent and the inspection agent of every member.

The real entry gossips a query; the first packet of it that reaches any member begins it here. When each member hears
it is drawn from the calibrated simulation of the gossip. Then Serf's filters are applied and an ack is sent, if one was
asked for; and the inspection agent answers: in its slot of the spread, when its run has ended, once a question, the
newest question of a sweep taking over from those before it. Questions to witnesses are answered by all who hear them.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from inspector_agent.errors import VersionError, WireError
from inspector_agent.limits import sweeps_remembered_max
from inspector_agent.wire import QUERY_NAME, Question, answer_slot_ms, asks_me, decode_question
from inspector_agent.witness.messages import QUERY_NAME as WITNESS_NAME
from inspector_agent.witness.messages import WitnessQuestion
from inspector_lab.hollow import limits
from inspector_lab.hollow.fleet import Member
from inspector_lab.hollow.packets import compressed
from inspector_lab.hollow.questions import NOTHING, RESPONSE_BYTES_MAX, Query, opening, relay_overhead, saying
from inspector_lab.hollow.schedule import Schedule
from inspector_lab.hollow.verdicts import Body, Verdicts
from inspector_lab.hollow.weather import Weather
from inspector_lab.hollow.witnessing import Witnesses
from inspector_lab.plan import Node

Emit = Callable[[Member, bytes], None]
"""A member sends a packet to the entry."""


class Curve:
    """When each node hears one question.

    times   by node, seconds after the first packet of it has reached any of them
    order   the nodes that hear it, the first one first; not the entry, number 0
    """

    def __init__(self, drawn: Sequence[float]) -> None:
        """`drawn`: as the simulation has them, seconds after the question was asked; infinite: never."""
        first = min(drawn[1:])
        self.times = array("d", (at - first for at in drawn))
        heard = (index for index in range(1, len(drawn)) if drawn[index] < float("inf"))
        self.order = sorted(heard, key=self.times.__getitem__)


class _Sweep:
    """What the members remember of one sweep: when the run of each ends, and which asking is its newest."""

    def __init__(self, nodes: int) -> None:
        self.ready = array("d", bytes(8 * nodes))
        self.newest = array("L", bytes(array("L").itemsize * nodes))


class _Asked:
    """One query on its way through the ring."""

    def __init__(self, number: int, query: Query, began: float, curve: Curve, order: Sequence[int]) -> None:
        self.number = number
        self.query = query
        self.began = began
        self.times = curve.times
        self.order = order
        self.at = 0
        self.ack = opening(query, ack=True) if query.ack else b""
        self.opening = opening(query, ack=False)
        self.question: Question | None = None
        self.look: WitnessQuestion | None = None
        self.sweep: _Sweep | None = None
        self.bodies: list[Body] = []
        self.compress: dict[int, bool] = {}


class Acting:
    """See the module's text. Call `run` every tick; packets leave through `emit`."""

    def __init__(
        self,
        nodes: Sequence[Node],
        members: Sequence[Member],
        verdicts: Verdicts,
        witnesses: Witnesses,
        schedule: Schedule,
        weather: Weather,
        emit: Emit,
        counted: Counter[str],
    ) -> None:
        """`members` by node, the entry (which is real) among them as number 0."""
        self._nodes = nodes
        self._members = members
        self._by_name = {node.name: index for index, node in enumerate(nodes)}
        self._verdicts = verdicts
        self._witnesses = witnesses
        self._schedule = schedule
        self._weather = weather
        self._emit = emit
        self._counted = counted
        self._took = bytes(
            limits.took_ms_min + int(weather.draw() * (limits.took_ms_max - limits.took_ms_min))
            for _ in range(len(nodes))
        )
        self._seen: dict[tuple[int, int], None] = {}
        self._sweeps: dict[bytes, _Sweep] = {}
        self._open: list[_Asked] = []
        self._last = 0
        self._now, self._clock_ms = 0.0, 0

    @property
    def idle(self) -> bool:
        """Whether no question is on its way and no answer waits."""
        return not self._open and not len(self._schedule)

    def fresh(self, query: Query) -> bool:
        """Whether this query has not been heard before; from now on it has."""
        if query.key in self._seen:
            return False
        self._seen[query.key] = None
        if len(self._seen) > limits.queries_remembered:
            del self._seen[next(iter(self._seen))]
        return True

    def hear(self, query: Query, curve: Curve, now: float) -> None:
        """A query that is `fresh` has left the entry."""
        self._last += 1
        asked = _Asked(self._last, query, now, curve, self._admitted(query, curve))
        self._counted["queries"] += 1
        try:
            if query.name == QUERY_NAME:
                self._read(asked, decode_question(query.payload))
            elif query.name == WITNESS_NAME:
                asked.look = self._witnesses.read(query.payload)
        except (VersionError, WireError):
            self._counted["malformed"] += 1
        if asked.ack or asked.question is not None or asked.look is not None:
            self._open.append(asked)

    def _admitted(self, query: Query, curve: Curve) -> Sequence[int]:
        """The nodes that pass Serf's filters, in the order in which they hear the query."""
        order: Iterable[int] = curve.order
        if query.names is not None:
            named = (self._by_name[name] for name in query.names if name in self._by_name)
            order = sorted((index for index in named if index), key=curve.times.__getitem__)
        if query.tags:
            admits: dict[tuple[str, str, str], bool] = {}
            for node in self._nodes:
                kind = node.zone, node.rack, node.role
                if kind not in admits:
                    admits[kind] = query.admits(node.tags)
            order = [
                index
                for index in order
                if admits[self._nodes[index].zone, self._nodes[index].rack, self._nodes[index].role]
            ]
        return [index for index in order if self._members[index].hears]

    def _read(self, asked: _Asked, question: Question) -> None:
        """What the inspection agents make of a question: the same at all of them."""
        asked.question = question
        asked.bodies = self._verdicts.bodies(question)
        asked.sweep = self._sweeps.get(question.sweep)
        if asked.sweep is None:
            asked.sweep = self._sweeps[question.sweep] = _Sweep(len(self._nodes))
            if len(self._sweeps) > sweeps_remembered_max:
                del self._sweeps[next(iter(self._sweeps))]

    # ---- as time goes on --------------------------------------------------------------------------------------------

    def run(self, now: float, clock_ms: int) -> None:
        """Let everybody hear who hears by now, and send what is due. `clock_ms`: Unix time for the answers."""
        self._now, self._clock_ms = now, clock_ms
        for asked in self._open:
            self._spread(asked, now)
        self._open = [asked for asked in self._open if asked.at < len(asked.order)]
        self._schedule.run(now)

    def _spread(self, asked: _Asked, now: float) -> None:
        order, times, since, at = asked.order, asked.times, now - asked.began, asked.at
        while at < len(order) and times[order[at]] <= since:
            self._heard(asked, order[at], asked.began + times[order[at]])
            at += 1
        asked.at = at

    def _heard(self, asked: _Asked, index: int, at: float) -> None:
        """One member hears the query, if it is there."""
        member = self._members[index]
        if not member.up:
            return
        if asked.ack:
            self._counted["acks"] += 1
            self._send(asked, member, asked.ack + member.sender + NOTHING)
        if asked.look is not None:
            due = self._witnesses.hears(asked.look, index, at)
            self._schedule.put(due, self._witness, asked, asked.look, index, due)
        question, sweep = asked.question, asked.sweep
        if question is None or sweep is None:
            return
        name = member.name
        if not asks_me(question.who, question.sweep, name):
            self._counted["not-asked"] += 1
            return
        if not sweep.ready[index]:
            sweep.ready[index] = at + self._took[index] / 1000
        slot_s = answer_slot_ms(question.sweep, name, question.spread_ms) / 1000
        if sweep.newest[index]:
            self._counted["superseded"] += 1
        sweep.newest[index] = asked.number
        due = max(at + slot_s, sweep.ready[index])
        self._schedule.put(due, self._answer, asked, index, due)

    def _answer(self, asked: _Asked, index: int, due: float) -> None:
        """It is this member's turn."""
        self._counted["lagging"] += self._now - due > limits.lagging_s
        sweep, question = asked.sweep, asked.question
        if sweep is None or question is None or sweep.newest[index] != asked.number:
            return
        sweep.newest[index] = 0
        kind = self._verdicts.kind_of[index]
        payload = asked.bodies[kind].answer(question.sweep, self._took[index], self._clock_ms)
        self._respond(asked, self._members[index], payload, kind)

    def _witness(self, asked: _Asked, question: WitnessQuestion, index: int, due: float) -> None:
        """It is this witness's turn."""
        self._counted["lagging"] += self._now - due > limits.lagging_s
        self._counted["witnessed"] += 1
        self._respond(asked, self._members[index], self._witnesses.answer(question, index), kind=0)

    def _respond(self, asked: _Asked, member: Member, payload: bytes, kind: int) -> None:
        """Answer a query, if the member is still there. Answers of one `kind` are alike."""
        if not member.up:
            return
        message = b"".join((asked.opening, member.sender, saying(len(payload)), payload))
        shrinks = asked.compress.get(kind)
        if shrinks is None:
            # Alike but for a few bytes, all answers of a kind shrink or none does: tried once, LZW being slow here.
            shrinks = asked.compress[kind] = len(compressed(message)) < len(message)
        if len(message) > RESPONSE_BYTES_MAX:
            self._counted["unsendable"] += 1
            return
        self._counted["answers"] += 1
        self._counted["answer_bytes"] += len(payload)
        self._send(asked, member, compressed(message) if shrinks else message, plain_size=len(message))

    def _send(self, asked: _Asked, member: Member, packet: bytes, plain_size: int = 0) -> None:
        """An answer or an ack leaves its member; copies of it go through others, where that is asked for."""
        for late in self._weather.copies():
            if late:
                self._schedule.put(self._now + late, self._emit, member, packet)
            else:
                self._emit(member, packet)
        relays = asked.query.relays
        if not relays or len(self._members) < relays + 1:
            return
        if (plain_size or len(packet)) - 1 + relay_overhead(asked.query) > RESPONSE_BYTES_MAX:
            self._counted["too-big-to-relay"] += 1
            return
        for other in self._others(member.index, relays):
            self._counted["relayed"] += 1
            for late in self._weather.copies(hops=2):
                self._schedule.put(self._now + late + limits.relay_hop_s, self._emit, other, packet)

    def _others(self, index: int, count: int) -> list[Member]:
        """Members that relay, drawn as Serf draws them: not the sender, none twice."""
        found: dict[int, Member] = {}
        for _ in range(3 * len(self._members)):
            if len(found) == count:
                break
            drawn = int(self._weather.draw() * len(self._members))
            # The entry is asked for itself: a copy through it changes nothing. Who is gone passes nothing on.
            if drawn not in (0, index) and self._members[drawn].up:
                found[drawn] = self._members[drawn]
        return list(found.values())
