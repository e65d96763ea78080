"""CORE. Questions to witnesses, and what comes back: who hears them, when, and which answers get lost."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from inspector_agent.witness import limits as witness_limits
from inspector_agent.witness.messages import Picture, Sight, WitnessAnswer
from inspector_coord.watch.model import Acked, Answered, Ask, AskOver, Event
from inspector_coord.watch.shell_limits import ask_tail_s
from inspector_lab.liveness import limits
from inspector_lab.liveness.heard import Heard
from inspector_lab.liveness.paths import Paths
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


class Wave(NamedTuple):
    """A question goes round: when the first, the second … hears it, after it has waited for so long."""

    times: tuple[float, ...]
    starved_s: float

    def after_s(self, drawn: int) -> float:
        """Until one member hears it. `drawn`: 64 bits, of which 16 in the middle are left for others."""
        waits_s = self.starved_s * (0.5 + (drawn >> 48 & 0xFFFF) / 0x20000)  # between a half and all of it
        return waits_s + self.times[(drawn & 0xFFFFFFFF) * len(self.times) >> 32]


class Sent(NamedTuple):
    """A question on its way: through which host, which start of the watcher asked it, and until when Serf passes on."""

    ask: Ask
    origin: int
    start: int
    until: float


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
        self._heard = Heard(len(ring.land))
        self._looks: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=witness_limits.looks_per_s_max))
        self._asked = self._start = self._draws = 0
        self.counted: Counter[str] = Counter()
        self.overwritten: list[float] = []  # when

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
        sent = Sent(ask, self._vantages.all[ask.vantage].host, self._start, begin + ask.within_s + ask_tail_s)
        self._timeline.at(begin, self._begin, sent, self._chance.part(self._asked))

    def _over(self, over: AskOver, start: int) -> None:
        if start == self._start:
            self._bring(over)

    def _begin(self, sent: Sent, chance: Chance) -> None:
        ask = sent.ask
        self._timeline.at(sent.until, self._over, AskOver(ask.number), sent.start)
        if chance.real(1) < limits.collisions:
            self.overwritten.append(self._timeline.now)
            self.counted["overwritten"] += 1
            return
        if not self._vantages.works(ask.vantage):
            self.counted["stuck"] += 1
            return
        wave = Wave(curve(self._members, round(self._ring.loss, 3)), self._ring.views.starved_s())
        if ask.names or ask.ack or ask.targets:
            self._each(sent, chance, wave)
        else:
            self._everybody(sent, chance.part("everybody"), wave)

    def _each(self, sent: Sent, chance: Chance, wave: Wave) -> None:
        """Those who are asked by name hear it, ack, look and answer."""
        now, at, ask = self._timeline.now, self._timeline.at, sent.ask
        hearers = self._ring.paths.hearers(self._ring.paths.side[sent.origin])
        for place, name in enumerate(ask.names or self._land.names):
            host = self._land.index.get(name)
            if host is None or not self._hears(host, sent.origin, hearers):
                continue
            drawn = chance.bits(2, place)
            heard_at = now if host == sent.origin else now + wave.after_s(drawn)
            self._heard.note(host, heard_at, ask.id, now)
            if ask.ack:
                at(heard_at, self._acks, sent, host)
            slot_s = ask.spread_s * (drawn >> 32 & 0xFFFF) / 0xFFFF
            if ask.targets:
                at(heard_at, self._looks_at, sent, host)
            elif host in self._hosts.ill:
                at(heard_at + slot_s, self._later, sent, host, heard_at, 0.0, ())
            elif self._hosts.answers(host, heard_at):
                at(heard_at + slot_s, self._send, sent, host, (), 0.0)

    def _everybody(self, sent: Sent, chance: Chance, wave: Wave) -> None:
        """A roll call: the same, cheap enough for ten thousand."""
        now, ask, ill = self._timeline.now, sent.ask, self._hosts.ill
        hearers = self._ring.paths.hearers(self._ring.paths.side[sent.origin])
        slot_s = ask.spread_s / 0xFFFF
        due: list[tuple[float, int]] = []
        for host, drawn in enumerate(chance.words(len(self._land))):
            if not self._hears(host, sent.origin, hearers):
                continue
            heard_at = now if host == sent.origin else now + wave.after_s(drawn)
            self._heard.note(host, heard_at, ask.id, now)
            at = heard_at + slot_s * (drawn >> 32 & 0xFFFF)
            if host in ill:
                self._timeline.at(at, self._later, sent, host, heard_at, 0.0, ())
            elif self._hosts.answers(host, heard_at):
                due.append((at, host << 16 | drawn >> 48))
        due.sort()
        self._timeline.flow(due, partial(self._like_others, sent, self._ring.paths))

    def _hears(self, host: int, origin: int, hearers: frozenset[int]) -> bool:
        """Whether a question from there reaches its Serf agent."""
        ring = self._ring
        if ring.paths.side[host] not in hearers or (host in self._hosts.ill and not self._hosts.gossips(host)):
            return False
        return not (host in ring.views.core.odd and ring.opinions.shunned(host, origin))

    def _like_others(self, sent: Sent, paths: Paths, drawn: int) -> None:
        """Answer a roll call. `drawn`: the host, and 16 bits of luck. Most answers are short work."""
        host, luck = drawn >> 16, (drawn & 0xFFFF) / 0x10000
        ask, ring = sent.ask, self._ring
        common = ring.opinions.common(host)
        ready = host not in self._hosts.ill and host not in self._hosts.agent_from
        whole = len(paths.sizes) == 1 and ring.paths is paths and not self._loss(ask)
        if common is None or not (ready and whole):
            self._send(sent, host, (), 0.0, luck)
        elif sent.start == self._start and ring.timeline.now <= sent.until and self._vantages.works(ask.vantage):
            self.counted["answers"] += 1
            heard, health = self._heard.ids(host, self._timeline.now), 1 if luck < limits.health_stray else 0
            answer = WitnessAnswer(ask.id, (), self._sights.shared(common), health, heard, 0)
            self._bring(Answered(ask.number, self._land.names[host], answer))

    def _acks(self, sent: Sent, host: int) -> None:
        if self._hosts.gossips(host) and self._arrives(sent, host):
            self._bring(Acked(sent.ask.number, self._land.names[host]))

    def _looks_at(self, sent: Sent, host: int) -> None:
        now, targets = self._timeline.now, sent.ask.targets
        looks = self._looks[host]
        if len(looks) == looks.maxlen and now - looks[0] < 1.0:
            # Suspects are asked for their own sake: that they answer is what counts, they need not look.
            self.counted["refused looks"] += self._land.names[host] not in targets
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
        if at <= heard_at + sent.ask.within_s + ask_tail_s:
            self._timeline.at(at, self._send, sent, host, sights, lag_s)
        else:
            self.counted["too late"] += 1

    def _send(self, sent: Sent, host: int, sights: Sights_, lag_s: float, luck: float | None = None) -> None:
        """It answers now. `luck`: 0 … 1, where it was drawn before."""
        now = self._timeline.now
        if not self._hosts.answers(host, now) or not self._arrives(sent, host):
            return
        if lag_s > limits.lag_s and self._luck() < limits.dumb:  # its own Serf did not say in time how it is
            picture, health = NOTHING, witness_limits.health_max
        else:
            health = self._sights.health(host, self._luck() if luck is None else luck)
            picture = self._sights.picture(host)
        answer = WitnessAnswer(
            id=sent.ask.id,
            sights=sights,
            picture=picture,
            health=health,
            heard=self._heard.ids(host, now),
            lag_ms=int(lag_s * 1000),
        )
        self.counted["answers"] += 1
        self._bring(Answered(sent.ask.number, self._land.names[host], answer))

    def _arrives(self, sent: Sent, host: int) -> bool:
        """One packet straight to the entry, and as many copies through others as relay says. Each may get lost."""
        ask, origin, start, until = sent
        if start != self._start or self._timeline.now > until or not self._vantages.works(ask.vantage):
            return False
        if host == origin:
            return True
        loss = self._loss(ask)
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

    def _loss(self, ask: Ask) -> float:
        """The share of answers that gets lost on the way."""
        crowded = not ask.names and self._members / max(ask.spread_s, 0.5) > limits.answers_per_s
        return max(self._ring.loss, limits.answers_lost_beyond) if crowded else self._ring.loss

    def _luck(self) -> float:
        self._draws += 1
        return self._chance.real(self._draws, 5)
