"""CORE. Questions to witnesses, and what comes back: who hears them, when, and which answers get lost."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from inspector_agent.witness import limits as witness_limits
from inspector_agent.witness.messages import Picture, Sight, WitnessAnswer
from inspector_coord.watch.model import Acked, Answered, Ask, AskOver, Event
from inspector_lab.liveness import limits
from inspector_lab.liveness.ring import Ring
from inspector_lab.liveness.sights import Sights
from inspector_lab.liveness.vantages import Vantages
from inspector_lab.liveness.views import PROFILE
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.hearing import hearing_times

__all__ = ["Questions"]

CURVE_SEED = 7
NOTHING = Picture(0, 0)
Sights_ = tuple[Sight | None, ...]


@lru_cache(maxsize=32)
def curve(members: int, loss: float) -> tuple[float, ...]:
    """When the first, the second … of so many members hears a question: sorted seconds. From the gossip model."""
    times = sorted(time for time in hearing_times(members, PROFILE, CURVE_SEED, loss) if time < float("inf"))
    return tuple(times)


class Sent(NamedTuple):
    """A question on its way: through which host, and which start of the watcher asked it."""

    ask: Ask
    origin: int
    start: int


class Questions:
    """`bring(event)` gives the watcher what comes of `ask`."""

    def __init__(self, ring: Ring, sights: Sights, vantages: Vantages, bring: Callable[[Event], None]) -> None:
        self._ring = ring
        self._timeline = ring.timeline
        self._land = ring.land
        self._hosts = ring.hosts
        self._members = ring.scenario.nodes
        self._chance = ring.chance.part("questions")
        self._sights = sights
        self._vantages = vantages
        self._bring = bring
        self._free_at: dict[int, float] = {}
        heard_max = 2 * witness_limits.heard_ids_max  # some of them are only on their way
        self._heard: dict[int, deque[tuple[float, bytes]]] = defaultdict(lambda: deque(maxlen=heard_max))
        self._looks: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=witness_limits.looks_per_s_max))
        self._asked = self._start = self._draws = 0
        self.counted: Counter[str] = Counter()

    def forget(self) -> None:
        """The watcher has ended: what its questions bring is for nobody."""
        self._start += 1

    def ask(self, ask: Ask) -> None:
        """The watcher wants this asked."""
        self._asked += 1
        now = self._timeline.now
        if not self._vantages.all[ask.vantage].up:
            self._timeline.at(now + limits.entry_gap_s, self._over, AskOver(ask.number, "not connected"), self._start)
            return
        begin = max(now, self._free_at.get(ask.vantage, -1.0) + limits.entry_gap_s)
        self._free_at[ask.vantage] = begin
        sent = Sent(ask, self._vantages.all[ask.vantage].host, self._start)
        self._timeline.at(begin, self._begin, sent, self._chance.part(self._asked))

    def _over(self, over: AskOver, start: int) -> None:
        if start == self._start:
            self._bring(over)

    def _begin(self, sent: Sent, chance: Chance) -> None:
        now, (ask, origin, start) = self._timeline.now, sent
        times = curve(self._members, self._ring.loss)
        window_s = ask.within_s + ask.spread_s + times[-1] + limits.tail_s
        self._timeline.at(now + window_s, self._over, AskOver(ask.number), start)
        collided = chance.real(1) < limits.collisions
        if not self._vantages.works(ask.vantage) or collided:
            self.counted["collided" if collided else "stuck"] += 1
            return
        paths, at = self._ring.paths, self._timeline.at
        hearers = paths.hearers(paths.side[origin])
        for place, name in enumerate(ask.names or self._land.names):
            host = self._land.index.get(name)
            if host is None or paths.side[host] not in hearers or not self._hosts.gossips(host):
                continue
            if self._ring.opinions.shunned(host, origin):
                continue
            drawn = chance.bits(2, place)
            heard_at = now if host == origin else now + times[(drawn & 0xFFFFFFFF) * len(times) >> 32]
            self._heard[host].append((heard_at, ask.id))
            if ask.ack:
                at(heard_at, self._acks, sent, host)
            slot_s = ask.spread_s * (drawn >> 32 & 0xFFFF) / 0xFFFF
            if ask.targets:
                at(heard_at, self._looks_at, sent, host)
            elif host in self._hosts.ill:
                at(heard_at + slot_s, self._later, sent, host, heard_at, 0.0, ())
            elif self._hosts.answers(host, heard_at):
                at(heard_at + slot_s, self._send, sent, host, (), 0.0)

    def _acks(self, sent: Sent, host: int) -> None:
        if self._hosts.gossips(host) and self._arrives(sent, host):
            self._bring(Acked(sent.ask.number, self._land.names[host]))

    def _looks_at(self, sent: Sent, host: int) -> None:
        now, targets = self._timeline.now, sent.ask.targets
        looks = self._looks[host]
        if len(looks) == looks.maxlen and now - looks[0] < 1.0:
            self.counted["refused looks"] += 1
            self._later(sent, host, now, 0.0, (None,) * len(targets))
            return
        looks.append(now)
        seen = [self._sights.look(host, name) for name in targets[: witness_limits.targets_max]]
        self._later(sent, host, now, max(took for _, took in seen), tuple(sight for sight, _ in seen))

    def _later(self, sent: Sent, host: int, heard_at: float, took_s: float, sights: Sights_) -> None:
        """It answers once it gets to it; too late is an error of its own Serf agent."""
        if not self._hosts.answers(host, heard_at):
            return
        lag_s = self._sights.lag_s(host, self._luck())
        if self._hosts.is_(host, "late"):
            took_s += self._hosts.amounts[host, "late"]
        at = self._timeline.now + took_s + lag_s
        if at <= heard_at + sent.ask.within_s + sent.ask.spread_s + limits.tail_s:
            self._timeline.at(at, self._send, sent, host, sights, lag_s)
        else:
            self.counted["too late"] += 1

    def _send(self, sent: Sent, host: int, sights: Sights_, lag_s: float) -> None:
        now = self._timeline.now
        if not self._hosts.answers(host, now) or not self._arrives(sent, host):
            return
        dumb = bool(lag_s > limits.lag_s and self._luck() < limits.dumb)
        heard = [known for at, known in self._heard[host] if at <= now]
        answer = WitnessAnswer(
            id=sent.ask.id,
            sights=sights,
            picture=NOTHING if dumb else self._sights.picture(host),
            health=witness_limits.health_max if dumb else self._sights.health(host, self._luck()),
            heard=tuple(heard[: -witness_limits.heard_ids_max - 1 : -1]),
            lag_ms=int(lag_s * 1000),
        )
        self.counted["answers"] += 1
        self._bring(Answered(sent.ask.number, self._land.names[host], answer))

    def _arrives(self, sent: Sent, host: int) -> bool:
        """One packet straight to the entry, and as many copies through others as relay says. Each may get lost."""
        ask, origin, start = sent
        if start != self._start or not self._vantages.works(ask.vantage):
            return False
        if host == origin:
            return True
        loss = self._ring.loss
        if not ask.names and self._members / max(ask.spread_s, 0.5) > limits.answers_per_s:
            loss = max(loss, limits.answers_lost_beyond)
        paths = self._ring.paths
        if paths.passes(host, origin) and not (loss and self._luck() < loss):
            return True
        for _ in range(ask.relay):
            by = int(self._luck() * self._members)
            way = paths.passes(host, by) and paths.passes(by, origin) and self._hosts.gossips(by)
            if way and self._luck() >= loss and self._luck() >= loss:
                return True
        self.counted["lost"] += 1
        return False

    def _luck(self) -> float:
        self._draws += 1
        return self._chance.real(self._draws, 5)
