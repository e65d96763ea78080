"""CORE. Who lists whom as what: Serf's membership as each vantage has it, and as the core of the ring has it.

Nothing of it is played in packets. How long Serf takes is drawn as it was measured and read (`limits`, and
`simulated.membership`): the core of a ring sees a member fail after some seconds; so does everybody who hears the core;
who hears nothing of it doubts itself, and lists the others as alive for a minute and a half.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from inspector_lab.liveness import limits
from inspector_lab.liveness.hosts import Hosts
from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.view import Listed, View
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.membership import HEALED_ONE_WAY_S, HEALED_S, detection_s
from inspector_lab.simulated.profile import PROFILES
from inspector_lab.simulated.timeline import Timeline

__all__ = ["PROFILE", "Views"]

KIND_OF = {"alive": "join", "failed": "failed", "left": "leave", "none": "reap"}
PROFILE = PROFILES["lan"]


class Views:
    """All lists. `told(vantage, kind, host)`: a vantage's Serf agent has a member event.

    core   the list that members of the core agree about; vantages: that of each entry
    absent, left  hosts that are no members, and those that left
    busy_s  that a question waits although no member changes
    refutes_inside  whether members of a side that nobody hears clear each other
    turns  (when, vantage, host, status) of every change in the list of a vantage
    """

    def __init__(
        self,
        timeline: Timeline,
        chance: Chance,
        hosts: Hosts,
        members: int,
        spare: int,
        vantages: Iterable[int],
        told: Callable[[int, str, int], None],
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._hosts = hosts
        self._count = members
        self._told = told
        self.core = View(-1)
        self.vantages = [View(host) for host in vantages]
        self._heading: dict[int, Listed] = {}
        self._epoch: dict[int, int] = {}
        self.refutes_inside = chance.real(1) < limits.refutes_inside
        self.absent = set(range(members, members + spare))
        self.left: set[int] = set()
        self._one_way = False
        self.busy_s = 0.0
        self.turns: list[tuple[float, int, int, str]] = []
        for view in (self.core, *self.vantages):
            for host in self.absent:
                view.put(host, "none", 0.0)
        self._heading.update(dict.fromkeys(self.absent, "none"))
        self.paths = Paths(members + spare)
        self._words: deque[float] = deque(maxlen=limits.words_kept)

    def starved_s(self) -> float:
        """How long a question asked now waits in everybody's queues: words on members go first, and fill packets."""
        now, words = self._timeline.now, self._words
        while words and words[0] < now - limits.words_s:
            words.popleft()
        if len(words) <= limits.words_free:
            return self.busy_s
        a_second = limits.words_packet * PROFILE.gossip_nodes / PROFILE.gossip_interval_s
        return self.busy_s + min(limits.starved_s_max, len(words) * PROFILE.retransmits(self._count) / a_second)

    # ---- what happens -----------------------------------------------------------------------------------------------

    def turned(self, hosts: Iterable[int], *, after_s: float | None = None) -> None:
        """Something is different about these hosts: what will Serf make of it? `after_s`: not as long as it takes."""
        for host in hosts:
            wanted = self._wanted(host)
            before = self._heading.get(host, "alive")
            if wanted == "failed" and self.paths.apart(host):
                self._aside(host)
            if wanted == before:
                continue
            self._heading[host] = wanted
            if after_s is not None:
                self._spread(host, wanted, after_s)
            elif wanted == "failed":
                self._fails(host)
            elif wanted == "left":
                self._spread(host, "leaving", 0.0)
                self._spread(host, wanted, limits.leaving_s, again=False)
            else:
                self._spread(host, wanted, limits.joining_s * (0.5 + self._luck(host)) if wanted == "alive" else 0.0)

    def rerouted(self, paths: Paths) -> None:
        """Other packets pass than before."""
        before, self.paths = self.paths, paths
        now = self._timeline.now
        healed_s = HEALED_ONE_WAY_S if self._one_way else HEALED_S
        self._one_way = paths.one_way()
        for host in range(len(paths.side)):
            if before.apart(host) == paths.apart(host) or self._heading.get(host, "alive") not in ("alive", "failed"):
                continue
            wanted = self._wanted(host)
            if wanted == "alive" and self._heading.get(host, "alive") == "failed":
                self._heading[host] = wanted
                self._spread(host, wanted, healed_s * (0.4 + 0.6 * self._luck(host)))
            else:
                self.turned((host,))
        for number, view in enumerate(self.vantages):
            if view.deaf % 2 == paths.hears_core(view.host):
                view.deaf += 1
                if view.deaf % 2:
                    self._timeline.at(
                        now + limits.doubts_s * (1 + self._luck(view.host)), self._doubt, number, view.deaf
                    )
                else:
                    self._timeline.at(now + healed_s, self.synced, number)

    def falsely(self, host: int, for_s: float) -> None:
        """The ring believes that it has failed, until it refutes that."""
        if self._heading.get(host, "alive") == "alive" and not self.paths.apart(host):
            self._spread(host, "failed", 0.0)
            self._spread(host, "alive", for_s, again=False)

    def updated(self, host: int) -> None:
        """Its tags are others."""
        self._words.append(self._timeline.now)
        for number, view in enumerate(self.vantages):
            if view.status(host) == "alive" and self._hosts.gossips(view.host):
                self._told(number, "update", host)

    def synced(self, vantage: int) -> None:
        """A vantage compares lists with somebody of the core (push/pull), if it can."""
        view = self.vantages[vantage]
        if self.paths.hears_core(view.host) and self._hosts.gossips(view.host):
            for host in sorted(view.odd.keys() | self.core.odd.keys()):
                self._put(vantage, host, self.core.status(host))

    # ---- how ----------------------------------------------------------------------------------------------------

    def _wanted(self, host: int) -> Listed:
        if host in self.absent:
            return "none"
        if host in self.left:
            return "left"
        return "alive" if self._hosts.gossips(host) and not self.paths.apart(host) else "failed"

    def _luck(self, host: int) -> float:
        return self._chance.real(host, 4 + self._epoch.get(host, 0))

    def _fails(self, host: int) -> None:
        suspected_s = PROFILE.probe_interval_s * (1 + self._luck(host))
        self._timeline.at(self._timeline.now + suspected_s, self._word)
        self._spread(host, "failed", self._detection_s(host))

    def _word(self) -> None:
        """A word on a member goes round."""
        self._words.append(self._timeline.now)

    def _detection_s(self, host: int) -> float:
        part = 1_000 + self._epoch.get(host, 0) * 8
        mean = PROFILE.probe_interval_s
        return detection_s(PROFILE, self._count, lambda step: self._chance.exponential(mean, host, part + step))

    def _aside(self, host: int) -> None:
        """Out of contact with the core, something happened to it: those beside it see for themselves, in doubt."""
        runs = self._hosts.gossips(host)
        after_s = limits.joining_s if runs else self._detection_s(host) * (1 + 2 * self._luck(host))
        for number, view in enumerate(self.vantages):
            if self.paths.side[view.host] == self.paths.side[host] and view.host != host:
                self._timeline.at(
                    self._timeline.now + after_s, self._beside, number, host, "alive" if runs else "failed"
                )

    def _beside(self, vantage: int, host: int, status: Listed) -> None:
        runs = self._hosts.gossips(host)
        if runs == (status == "alive") and self.paths.apart(host) and (self.refutes_inside or not runs):
            self._put(vantage, host, status)

    def _spread(self, host: int, status: Listed, after_s: float, *, again: bool = True) -> None:
        """All lists get it, each in its time. `again`: what was on its way about this host is overtaken."""
        epoch = self._epoch.get(host, 0) + again
        self._epoch[host] = epoch
        when = self._timeline.now + after_s
        self._timeline.at(when, self._see, -1, host, status, epoch)
        for number in range(len(self.vantages)):
            spread_s = limits.word_s * self._chance.real(host, 500 + epoch * 16 + number)
            self._timeline.at(when + spread_s, self._see, number, host, status, epoch)

    def _see(self, vantage: int, host: int, status: Listed, epoch: int) -> None:
        if self._epoch.get(host, 0) != epoch:
            return
        if vantage < 0:
            self._word()
            self.core.put(host, status, self._timeline.now)
            return
        view = self.vantages[vantage]
        if not self._hosts.gossips(view.host) or (host == view.host and status == "failed"):
            return
        paths = self.paths
        if status == "failed":
            heard = paths.hears_core(view.host)
        else:
            heard = paths.side[view.host] in paths.hearers(paths.side[host]) or paths.hears_core(view.host)
        if heard:
            self._put(vantage, host, status)
            beside = paths.apart(host) and paths.side[view.host] == paths.side[host] and self._hosts.gossips(host)
            if status == "failed" and beside and self.refutes_inside:
                refuted_s = limits.refutes_s * (0.3 + self._luck(host))
                self._timeline.at(self._timeline.now + refuted_s, self._refuted, vantage, host)

    def _refuted(self, vantage: int, host: int) -> None:
        if self._hosts.gossips(host) and self._hosts.gossips(self.vantages[vantage].host):
            self._put(vantage, host, "alive")

    def _put(self, vantage: int, host: int, status: Listed) -> None:
        before = self.vantages[vantage].put(host, status, self._timeline.now)
        if status not in (before, "leaving"):
            self.turns.append((self._timeline.now, vantage, host, status))
            self._told(vantage, KIND_OF[status], host)

    def _doubt(self, vantage: int, deaf: int) -> None:
        """It has heard nothing for so long that it believes itself, not the others."""
        view = self.vantages[vantage]
        if view.deaf != deaf or not self._hosts.gossips(view.host):
            return
        for host in range(len(self.paths.side)):
            if view.status(host) == "alive" and not self.paths.connects(view.host, host):
                wait_s = limits.doubting_s * self._chance.real(host, 3)
                self._timeline.at(self._timeline.now + wait_s, self._given_up, vantage, host, deaf)

    def _given_up(self, vantage: int, host: int, deaf: int) -> None:
        view = self.vantages[vantage]
        if view.deaf == deaf and view.status(host) == "alive":
            self._put(vantage, host, "failed")
