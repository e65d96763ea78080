"""A ring on paper for the watcher: nodes in zones and racks, Serf as it was measured, packets that cuts and loss eat.

Everything is drawn from one seed. Serf sees a dead node failed 8 to 12 s later, and a node behind a cut likewise; a
minority that is cut off both ways lists the others as alive for 90 s; after a cut all are alive again within 35 s.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable
from zlib import crc32

from inspector_agent.ring import Member
from inspector_agent.witness.messages import Picture, Reach, Sight, WitnessAnswer
from inspector_coord.watch import shell_limits
from inspector_coord.watch.conclusions import Action, Happening
from inspector_coord.watch.model import (
    Acked,
    Answered,
    Ask,
    AskOver,
    Effect,
    Event,
    MembersChanged,
    MembersRead,
    ReadMembers,
    Tell,
    Tick,
    VantageDown,
    VantageUp,
)
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.watcher import RingWatcher

__all__ = ["PaperNode", "World", "fleet", "listed"]


class PaperNode:
    """host: there is power; serf: up, frozen, dead or gone (it has left); agent: answers; slow_s: how much later."""

    def __init__(self, name: str, zone: str, rack: str) -> None:
        self.name, self.zone, self.rack = name, zone, rack
        self.address, self.port = f"10.0.0.{crc32(name.encode()) % 250}", 7946 + crc32(name.encode()) % 50_000
        self.host, self.serf, self.agent = True, "up", True
        self.slow_s, self.health, self.lag_ms = 0.0, 0, 0
        self.heard: deque[bytes] = deque(maxlen=8)

    @property
    def tags(self) -> dict[str, str]:
        """As Serf has them."""
        return {key: value for key, value in (("zone", self.zone), ("rack", self.rack)) if value}

    @property
    def alive(self) -> bool:
        """It takes part in gossip."""
        return self.host and self.serf == "up"


def fleet(zones: int = 3, racks: int = 2, each: int = 5) -> list[PaperNode]:
    """Nodes n000 … in zones a, b, …, racks a1, a2, …."""
    places = [("abcdefghij"[zone], f"{'abcdefghij'[zone]}{rack + 1}") for zone in range(zones) for rack in range(racks)]
    return [
        PaperNode(f"n{index * each + step:03}", zone, rack)
        for index, (zone, rack) in enumerate(places)
        for step in range(each)
    ]


class World:
    """A watcher and its ring. vantages: nodes whose Serf agents it is connected to, the first is number 0."""

    def __init__(
        self,
        nodes: Iterable[PaperNode],
        vantages: Iterable[str],
        *,
        seed: int = 0,
        loss: float = 0.0,
        settings: Settings | None = None,
        open_incidents: Iterable[Happening] = (),
        detection_s: tuple[float, float] = (8.0, 12.0),
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.vantages = dict(enumerate(vantages))
        self.connected: dict[int, bool] = {}
        self.dice = random.Random(seed)  # noqa: S311  of a simulation
        self.loss, self.detection_s = loss, detection_s
        self.gossip_s = (0.02, 0.45)  # until a node hears a question
        self.now = 100.0
        self.settings = settings
        self.watcher = RingWatcher("main", ring_id=seed, settings=settings, open_incidents=tuple(open_incidents))
        self.cuts: set[tuple[str, str]] = set()  # (from place, to place)
        self.views: dict[int, dict[str, str]] = {}
        self.listed_at: dict[tuple[int, str, str], float] = {}  # when a vantage listed whom how, at first
        self.deaf_streams: set[int] = set()  # vantages whose member events get lost
        self.overwritten = 0  # so many of the next questions for pictures are, by another program's at the entry
        self.told: list[Happening] = []
        self.asks: list[Ask] = []
        self.over_at: dict[int, float] = {}  # by question: what comes later is not heard any more
        self.effects: list[tuple[float, Effect]] = []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._planned: dict[tuple[int, str], tuple[str, int]] = {}
        self._reach: dict[str, set[str]] = {}
        for number in self.vantages:
            self.views[number] = {name: self._wanted(number, node)[0] for name, node in self.nodes.items()}
            self.connect(number)

    # ---- time -------------------------------------------------------------------------------------------------------

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at `when`."""
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), self._count, what))

    def run(self, seconds: float) -> list[Happening]:
        """Let time pass; what was told meanwhile."""
        before, end = len(self.told), self.now + seconds
        while True:
            due = min(self._heap[0][0] if self._heap else float("inf"), self.watcher.wake_at)
            if due > end:
                break
            self.now = max(self.now, due)
            if self._heap and self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()
            else:
                self.give(Tick())
        self.now = end
        return self.told[before:]

    def give(self, event: Event) -> None:
        """Hand an event to the watcher and do what it wants."""
        effects = self.watcher.handle(event, self.now)
        assert self.watcher.wake_at <= self.watcher._court.looks_at, "it would sleep while a suspect is due"  # noqa: SLF001
        for effect in effects:
            self.effects.append((self.now, effect))
            if isinstance(effect, Tell):
                self._check(effect.happening)
                self.told.append(effect.happening)
            elif isinstance(effect, Ask):
                self.asks.append(effect)
                self._ask(effect)
            elif isinstance(effect, ReadMembers) and self.connected.get(effect.vantage):
                self._read(effect.vantage)

    def _check(self, told: Happening) -> None:
        """What holds of every word, whatever happens."""
        known = {one.number: one for one in self.told}
        last = known.get(told.number)
        if told.action is Action.OPENED:
            assert last is None, f"{told.number} is opened twice"
        elif last is not None:
            assert last.action is not Action.CLOSED, f"{told.number} goes on after its end"
            assert last.kind is told.kind
        if told.closed_by is not None:
            assert told.closed_by in known, f"{told.number} is closed by what was never told"
        inside: dict[str, int] = {}
        for one in {**known, told.number: told}.values():
            if one.action is not Action.CLOSED:
                for name in one.nodes:
                    if name in inside:  # told in the same breath: what it goes over to comes first
                        later = {one.number, inside[name]}
                        self.at(self.now, lambda later=later, name=name: self._moved(name, later))  # type: ignore[misc]
                    inside[name] = one.number

    def _moved(self, name: str, numbers: set[int]) -> None:
        known = {one.number: one for one in self.told}
        still = [n for n in numbers if known[n].action is not Action.CLOSED and name in known[n].nodes]
        grace = [n for n in still if self.now - known[n].at > 7.0]
        if len(still) > 1 and len(grace) > 0:
            raise AssertionError(f"{name} is in {still}")
        if len(still) > 1:
            self.at(self.now + 1.0, lambda: self._moved(name, numbers))

    # ---- faults -----------------------------------------------------------------------------------------------------

    def named(self, *, zone: str = "", rack: str = "") -> list[str]:
        """Names of the nodes at a place."""
        return [node.name for node in self.nodes.values() if zone in ("", node.zone) and rack in ("", node.rack)]

    def change(self, names: Iterable[str], **values: object) -> None:
        """Set fields of nodes: host=False is a power cut, serf="dead" a kill -9, serf="frozen" a SIGSTOP."""
        for name in names:
            for key, value in values.items():
                setattr(self.nodes[name], key, value)
        self.settle()

    def cut(self, here: str, there: str, *, both: bool = True) -> None:
        """Packets from `here` to `there` are lost; a place is "zone=a", "rack=a1", a node, or "*": all others."""
        self.cuts.add((here, there))
        if both:
            self.cuts.add((there, here))
        self.settle()

    def heal(self) -> None:
        """No cut is left."""
        self.cuts.clear()
        self.settle(healed=True)

    def forget(self, name: str, by: Iterable[int]) -> None:
        """These vantages hear that a member has left, and nothing of it after that."""
        for number in by:
            self.views[number][name] = "left"
            self._planned[number, name] = ("failed", 1)
            self.give(MembersChanged(number, "leave", (self.member(number, name),)))

    def connect(self, number: int) -> None:
        """The watcher's connection to an entry comes up."""
        self.connected[number] = True
        self.at(self.now, lambda: self.give(VantageUp(number, self.vantages[number])))
        self.at(self.now + 0.05, lambda: self._read(number))

    def restart(self, open_incidents: Iterable[Happening]) -> None:
        """The watcher ends, and another one begins with what was open."""
        first = max((one.number for one in self.told), default=0) + 1
        self.watcher = RingWatcher(
            "main", ring_id=7, settings=self.settings, open_incidents=tuple(open_incidents), first_number=first
        )
        for number in self.vantages:
            self.connect(number)

    def disconnect(self, number: int) -> None:
        """It breaks."""
        self.connected[number] = False
        self.give(VantageDown(number, "connection refused"))

    def _at(self, node: PaperNode, place: str) -> bool:
        return place in (f"zone={node.zone}", f"rack={node.rack}", node.name)

    def passes(self, here: str, there: str) -> bool:
        """Whether a packet from one node to another is not cut off."""
        if here == there:
            return True
        one, other = self.nodes[here], self.nodes[there]
        for source, target in self.cuts:
            if source == "*" and self._at(other, target) and not self._at(one, target):
                return False
            if target == "*" and self._at(one, source) and not self._at(other, source):
                return False
            if self._at(one, source) and self._at(other, target):
                return False
        return True

    def gossip_reaches(self, here: str) -> set[str]:
        """Whose Serf agents gossip from a node comes to, whichever way round."""
        if here not in self._reach:
            seen, todo = {here}, [here]
            alive = [name for name, node in self.nodes.items() if node.alive]
            while todo:
                one = todo.pop()
                found = [name for name in alive if name not in seen and self.passes(one, name)]
                seen.update(found)
                todo += found
            self._reach[here] = seen
        return self._reach[here]

    # ---- Serf -------------------------------------------------------------------------------------------------------

    def _wanted(self, number: int, node: PaperNode) -> tuple[str, bool]:
        """How a vantage will list a node in the end, and whether it stands in a minority, which is slow to see that."""
        home = self.vantages[number]
        if node.serf == "gone":
            return "left", False
        if not node.alive:
            return "failed", False
        out, back = self.gossip_reaches(home), node.name in self.gossip_reaches(home)
        mutual = back and home in self.gossip_reaches(node.name)
        if mutual:
            return "alive", False
        both_ways = node.name not in out and home not in self.gossip_reaches(node.name)
        return "failed", both_ways and len(out) * 2 < len(self.nodes)

    def settle(self, *, healed: bool = False) -> None:
        """Something has changed: when will each vantage list whom how?"""
        self._reach.clear()
        for number in self.vantages:
            for name, node in self.nodes.items():
                status, slow = self._wanted(number, node)
                planned = self._planned.get((number, name), (self.views[number].get(name, ""), 0))
                if planned[0] == status:
                    continue
                low, high = self.detection_s
                delay = self.dice.uniform(low, high) + (80 if slow else 0)
                if status == "alive":
                    delay = self.dice.uniform(1.0, 34.0) if healed else self.dice.uniform(0.2, 1.0)
                if status == "left":
                    delay = self.dice.uniform(0.1, 0.5)
                self._planned[number, name] = (status, planned[1] + 1)
                self.at(self.now + delay, lambda number=number, name=name: self._list(number, name))  # type: ignore[misc]

    def _list(self, number: int, name: str) -> None:
        status, _ = self._wanted(number, self.nodes[name])
        planned = self._planned.get((number, name))
        if planned is None or planned[0] != status or self.views[number].get(name) == status:
            return
        self.views[number][name] = status
        self.listed_at.setdefault((number, name, status), self.now)
        self._planned[number, name] = (status, planned[1])
        if self.connected.get(number) and self.nodes[self.vantages[number]].alive and number not in self.deaf_streams:
            what = {"failed": "failed", "left": "leave", "alive": "join"}[status]
            self.give(MembersChanged(number, what, (self.member(number, name),)))

    def member(self, number: int, name: str) -> Member:
        """A member as a vantage lists it."""
        node = self.nodes[name]
        return Member(name, node.address, node.port, node.tags, self.views[number][name])  # type: ignore[arg-type]

    def _read(self, number: int) -> None:
        if self.connected.get(number):
            listed = tuple(self.member(number, name) for name in self.views[number])
            self.give(MembersRead(number, listed))

    # ---- questions --------------------------------------------------------------------------------------------------

    def _lost(self) -> bool:
        return self.loss > 0 and self.dice.random() < self.loss

    def _ask(self, ask: Ask) -> None:
        home = self.vantages[ask.vantage]
        self.over_at[ask.number] = self.now + ask.within_s + shell_limits.ask_tail_s
        if not self.nodes[home].alive or not self.connected.get(ask.vantage):
            self.at(self.now, lambda: self.give(AskOver(ask.number, "not connected")))
            return
        assert sum(len(name) + 3 for name in (*ask.names, *ask.targets)) <= 680
        if self.overwritten and ask.names and not ask.targets:
            self.overwritten -= 1
            return
        for name in ask.names or tuple(self.nodes):
            delay = self.dice.uniform(*self.gossip_s) if name != home else 0.0
            self.at(self.now + delay, lambda name=name: self._hears(ask, home, name))  # type: ignore[misc]

    def _hears(self, ask: Ask, home: str, name: str) -> None:
        node = self.nodes.get(name)
        if node is None or not node.alive or name not in self.gossip_reaches(home):
            return
        if ask.ack:
            self._packet(ask, name, home, lambda: self.give(Acked(ask.number, name)))
        if not node.agent:
            return
        node.heard.appendleft(ask.id)
        sights = tuple(self._sight(name, target) for target in ask.targets)
        wait = 0.7 if any(sight and Reach.TIMEOUT in (sight.gossip, sight.ssh) for sight in sights) else 0.02
        wait += self.dice.uniform(0, ask.spread_s) + node.slow_s
        self.at(self.now + wait, lambda: self._answers(ask, home, name, sights))

    def _answers(self, ask: Ask, home: str, name: str, sights: tuple[Sight | None, ...]) -> None:
        node = self.nodes[name]
        if not node.alive or not node.agent:
            return
        picture = Picture(sum(1 for other in self.nodes.values() if other.alive), 0)
        answer = WitnessAnswer(ask.id, sights, picture, node.health, tuple(node.heard), node.lag_ms)
        self._packet(ask, name, home, lambda: self.give(Answered(ask.number, name, answer)))

    def _packet(self, ask: Ask, name: str, home: str, then: Callable[[], None]) -> None:
        """One straight, and one by each relay."""
        ways = [[home]] + [[self.dice.choice(list(self.nodes)), home] for _ in range(ask.relay)]
        for way in ways:
            here, through = name, True
            for there in way:
                through = through and self.nodes[there].alive and self.passes(here, there) and not self._lost()
                here = there
            if through and self.now <= self.over_at[ask.number]:
                self.at(self.now + 0.01, then)

    def _sight(self, witness: str, target: str) -> Sight | None:
        node = self.nodes.get(target)
        if node is None:
            return None
        if witness == target:
            return Sight("alive", Reach.OK, Reach.OK, Reach.SKIPPED, 1)
        through = self.passes(witness, target) and self.passes(target, witness)
        if not through or not node.host:
            return Sight("failed", Reach.TIMEOUT, Reach.TIMEOUT, Reach.SKIPPED)
        gossip = Reach.OK if node.serf in ("up", "frozen") else Reach.REFUSED
        lost = [self._lost() or self._lost() for _ in range(2)]
        return Sight(
            "alive",
            Reach.TIMEOUT if lost[0] else gossip,
            Reach.TIMEOUT if lost[1] else Reach.OK,
            Reach.SKIPPED,
            2,
        )


def listed(node: PaperNode, status: str = "alive") -> Member:
    """A node as a member list has it."""
    return Member(node.name, node.address, node.port, node.tags, status)  # type: ignore[arg-type]
