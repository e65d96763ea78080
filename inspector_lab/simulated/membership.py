"""CORE. Who is a member, and since when each entry knows it.

Failure detection is drawn, not played: read in memberlist/state.go (probeNode, suspectNode) and suspicion.go. Each
member is probed about once a probe interval by somebody; a probe that fails takes one interval; then it is suspected,
and with every other member whose probe fails too the time that it has left shrinks from the longest to the shortest.
The messages about it (70 bytes, a few for each failure) are not played in packets: they leave room for a question.

A cut that leaves a majority in contact: the majority sees the others fail, and so does everybody who hears it. Who
hears nothing doubts itself (Lifeguard) and still lists everybody as alive (measured: 90 s later). After a cut of both
ways all are alive again after some 3 s, after a cut of one way after some 35 s (measured too).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.network import Network, Place
from inspector_lab.simulated.profile import Profile
from inspector_lab.simulated.timeline import Timeline

__all__ = ["ALIVE", "FAILED", "HEALED_ONE_WAY_S", "HEALED_S", "LEAVING", "LEFT", "Membership", "detection_s"]

ALIVE, FAILED, LEFT, LEAVING = "alive", "failed", "left", "leaving"
HEALED_S = 3.0
HEALED_ONE_WAY_S = 35.0


def detection_s(profile: Profile, count: int, wait_s: Callable[[int], float]) -> float:
    """From a member's last sign of life until it is declared failed in a ring of `count`.

    wait_s  draws how long until the n-th other member probes it: exponential, on average one probe interval
    """
    shortest, longest = profile.suspicion_s(count)
    wanted = profile.suspicion_mult - 2  # in a ring too small for that many witnesses, none are waited for
    wanted = wanted if count - 2 >= wanted else 0
    luck = [wait_s(step) for step in range(wanted + 1)]
    suspected = luck[0] + profile.probe_interval_s
    left = shortest if not wanted else longest
    passed = 0.0
    for have in range(1, wanted + 1):
        passed += luck[have]
        if passed >= left:
            break
        share = math.log(have + 1) / math.log(wanted + 1)
        left = max(shortest, longest - share * (longest - shortest), passed)
    return suspected + left


class Membership:
    """The views of a ring's entries. `gone(member)`: others stop sending to it; `back(member)`: they start again."""

    def __init__(
        self,
        timeline: Timeline,
        chance: Chance,
        profile: Profile,
        members: Sequence[Place],
        entries: Sequence[int],
        network: Network,
        gone: Callable[[int], None],
        back: Callable[[int], None],
    ) -> None:
        self._timeline = timeline
        self._chance = chance.part("membership")
        self._profile = profile
        self._members = members
        self._entries = entries
        self._network = network
        self._gone = gone
        self._back = back
        self._alive = {member.name: ALIVE for member in members}
        self._views: list[dict[int, str]] = [{} for _ in entries]
        self._cache: list[Mapping[str, str] | None] = [None] * len(entries)
        self._epochs: Counter[int] = Counter()
        self._down: set[int] = set()
        self._cut_off: set[str] = set()
        self._away: set[int] = set()

    def statuses(self, entry: int) -> Mapping[str, str]:
        """Name -> status, as this entry lists its members now. Not to be changed."""
        known = self._cache[entry]
        if known is None:
            known = self._alive | {self._members[member].name: is_ for member, is_ in self._views[entry].items()}
            self._cache[entry] = known
        return known

    def listed(self, member: int) -> str:
        """A member's status as the first entry has it: stands for what any other member knows."""
        return self._views[0].get(member, ALIVE) if self._views else ALIVE

    def detection_s(self, member: int) -> float:
        """From a member's last sign of life until it is declared failed."""
        epoch, mean = self._epochs[member], self._profile.probe_interval_s
        return detection_s(
            self._profile, len(self._members), lambda step: self._chance.exponential(mean, member, epoch * 8 + step)
        )

    # ---- what happens ----------------------------------------------------------------------------------------------
    def stopped(self, member: int) -> None:
        """It crashed, or stands still."""
        self._down.add(member)
        self._turn(member, FAILED, self.detection_s(member))

    def running(self, member: int) -> None:
        """It runs (again): its own word that it lives spreads like any message."""
        self._down.discard(member)
        self._turn(member, ALIVE, 0.0)

    def leaving(self, member: int) -> None:
        """It takes its leave: first it is listed as leaving, then as left."""
        self._turn(member, LEAVING, 0.0)
        epoch = self._epochs[member]
        self._timeline.at(self._timeline.now + 1.0, self._left, member, epoch)

    def _left(self, member: int, epoch: int) -> None:
        if self._epochs[member] == epoch:
            self._down.add(member)
            self._turn(member, LEFT, 0.0)

    def cuts_changed(self, *, one_way: bool) -> None:
        """Zones were cut off, or joined again: who is on which side now."""
        core = self._core()
        zones = {member.zone for member in self._members}
        apart = zones - core
        for member, place in enumerate(self._members):
            if member in self._down or (place.zone in apart) == (place.zone in self._cut_off):
                continue
            if place.zone in apart:
                self._turn(member, FAILED, self.detection_s(member), core=core)
            else:
                self._turn(member, ALIVE, HEALED_ONE_WAY_S if one_way else HEALED_S)
        self._cut_off = apart

    def _core(self) -> set[str]:
        """The zones in contact both ways with the zone that is so with most members."""
        sizes = Counter(member.zone for member in self._members)
        passes = self._network.zones_pass

        def mates(zone: str) -> set[str]:
            return {other for other in sizes if passes(zone, other) and passes(other, zone)} | {zone}

        best = max(sorted(sizes), key=lambda zone: sum(sizes[other] for other in mates(zone)))
        return mates(best)

    # ---- who knows it when -----------------------------------------------------------------------------------------
    def _turn(self, member: int, status: str, after_s: float, *, core: set[str] | None = None) -> None:
        self._epochs[member] += 1
        epoch = self._epochs[member]
        now = self._timeline.now
        for entry, place in enumerate(self._entries):
            spread = 0.0 if place == member else self._spread_s(member, epoch, entry)
            self._timeline.at(now + after_s + spread, self._see, entry, member, status, epoch, core)
        if status == ALIVE:
            self._sent_to(member, epoch)
        elif status == LEFT:
            self._forgotten(member, epoch)
        elif status == FAILED:
            self._timeline.at(now + after_s + self._profile.gossip_to_dead_s, self._forgotten, member, epoch)

    def _spread_s(self, member: int, epoch: int, entry: int) -> float:
        """How long one message takes to one member: some gossip intervals, more in a big ring."""
        intervals = 1 + math.log2(max(2, len(self._members))) / 3
        return self._profile.gossip_interval_s * intervals * (0.3 + self._chance.real(member, epoch * 64 + 32 + entry))

    def _see(self, entry: int, member: int, status: str, epoch: int, core: set[str] | None) -> None:
        """An entry learns it, unless it hears nothing of the majority that found it out."""
        zone, passes = self._members[self._entries[entry]].zone, self._network.zones_pass
        deaf = core is not None and zone not in core and not any(passes(one, zone) for one in core)
        if self._epochs[member] != epoch or deaf:
            return
        view = self._views[entry]
        if status == ALIVE:
            view.pop(member, None)
        else:
            view[member] = status
        self._cache[entry] = None

    def _forgotten(self, member: int, epoch: int) -> None:
        if self._epochs[member] == epoch and member not in self._away:
            self._away.add(member)
            self._gone(member)

    def _sent_to(self, member: int, epoch: int) -> None:
        if self._epochs[member] == epoch and member in self._away:
            self._away.discard(member)
            self._back(member)
