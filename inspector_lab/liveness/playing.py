"""CORE. Plays what happens in a scenario: to hosts, to paths, to Serf, to connections and to the watcher."""

from __future__ import annotations

from collections.abc import Iterable

from inspector_lab.liveness import limits
from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.ring import Ring
from inspector_lab.liveness.scenario import Fault
from inspector_lab.liveness.vantages import Vantages
from inspector_lab.liveness.watching import Watching
from inspector_lab.simulated.chance import Chance

__all__ = ["Player"]

REASON = {
    "off": "off", "serf-frozen": "serf-frozen", "serf-dead": "serf-dead", "agent-frozen": "agent-frozen",
    "agent-dead": "agent-dead", "slow": "slow", "late": "late", "unwell": "unwell", "leave": "gone",
}  # fmt: skip
"""Faults of hosts, and what they make of one."""

CHURNS = (("off", 0.5), ("serf-dead", 0.7), ("agent-dead", 0.8), ("leave", 1.0))
"""What churn does to a node, with the upper end of its share."""


class Player:
    """What a scenario has on its list, and what follows from each."""

    def __init__(self, ring: Ring, vantages: Vantages, watching: Watching) -> None:
        self._ring = ring
        self._timeline = ring.timeline
        self._scenario = ring.scenario
        self._land = ring.land
        self._hosts = ring.hosts
        self._views = ring.views
        self._chance = ring.chance.part("player")
        self._vantages = vantages
        self._watching = watching
        self._cuts: dict[int, Fault] = {}

    def arrange(self) -> None:
        """Put all of it onto the timeline."""
        for number, fault in enumerate(self._scenario.faults):
            self._timeline.at(fault.at_s, self._begin, number, fault)
            if fault.until_s is not None:
                self._timeline.at(fault.until_s, self._end, number, fault)

    def meant(self, fault: Fault) -> tuple[int, ...]:
        """The hosts it is about."""
        return self._land.hosts(fault.domain) if fault.domain else fault.nodes

    # ---- begin and end ----------------------------------------------------------------------------------------------

    def _begin(self, number: int, fault: Fault) -> None:
        chance = self._chance.part(number)
        match fault.what:
            case "cut":
                self._cuts[number] = fault
                self._reroute()
            case "loss" | "busy":
                self._everywhere(fault, 1)
            case "entry-down" | "overflow":
                self._entry(fault, 1)
            case "watcher-restart":
                self._watching.restart()
            case "flap":
                for host in self.meant(fault):
                    self._flap(fault, host, chance.part(host), 0)
            case "churn":
                self._churn(fault, chance, 0)
            case "slow":
                self._hit(fault, self.meant(fault))
                for host in self.meant(fault):
                    self._doubted(fault, host, chance.part(host), 0)
            case _:
                self._hit(fault, self.meant(fault))

    def _end(self, number: int, fault: Fault) -> None:
        match fault.what:
            case "cut":
                self._cuts.pop(number, None)
                self._reroute()
            case "loss" | "busy":
                self._everywhere(fault, -1)
            case "entry-down" | "overflow":
                self._entry(fault, -1)
            case (
                "leave"
                | "off"
                | "serf-dead"
                | "serf-frozen"
                | "agent-dead"
                | "agent-frozen"
                | "slow"
                | "late"
                | "unwell"
            ):
                self._mend(fault.what, self.meant(fault))

    def _everywhere(self, fault: Fault, sign: int) -> None:
        if fault.what == "loss":
            self._ring.loss = min(1.0, max(0.0, self._ring.loss + sign * fault.amount))
        else:
            self._views.busy_s += sign * fault.amount

    # ---- hosts ------------------------------------------------------------------------------------------------------

    def _hit(self, fault: Fault, hosts: Iterable[int]) -> None:
        now = self._timeline.now
        hosts = tuple(hosts)
        for host in hosts:
            match fault.what:
                case "false":
                    self._views.falsely(host, fault.amount)
                case "join":
                    self._views.absent.discard(host)
                case "prune":
                    if self._views.core.status(host) == "failed":
                        self._views.absent.add(host)
                case "retag":
                    self._land.retag(host, {"role": "batch"})
                    self._views.updated(host)
                case "leave":
                    self._views.left.add(host)
                    self._hosts.set(host, "gone", now)
                case _:
                    self._hosts.set(host, REASON[fault.what], now, fault.amount)
        self._settle(hosts)

    def _mend(self, what: str, hosts: Iterable[int]) -> None:
        now = self._timeline.now
        hosts = tuple(hosts)
        for host in hosts:
            self._hosts.lift(host, REASON[what], now)
            if what == "leave":
                self._views.left.discard(host)
            if what in ("off", "serf-dead", "agent-dead", "leave"):
                self._hosts.agent_from[host] = now + limits.agent_start_s
                if not self._hosts.is_(host, "gone"):
                    self._views.absent.discard(host)  # a member that was pruned joins again
        self._settle(hosts)

    def _settle(self, hosts: tuple[int, ...], *, after_s: float | None = None) -> None:
        """Serf will notice, and so will connections."""
        self._views.turned(hosts, after_s=after_s)
        for number, host in enumerate(self._land.vantages):
            if host in hosts and self._hosts.gossips(host):
                self._timeline.at(self._timeline.now + limits.joining_s, self._views.synced, number)
        self._vantages.checked()

    def _flap(self, fault: Fault, host: int, chance: Chance, turn: int) -> None:
        """Down for half of the time: at once, as if Serf had waited for it before."""
        now, until = self._timeline.now, fault.until_s if fault.until_s is not None else float("inf")
        if now >= until - limits.rounding_s:
            return
        reason = "off" if fault.nodes and chance.real(1) < 0.5 else "serf-dead"
        self._hosts.set(host, reason, now)
        self._settle((host,), after_s=0.1)
        down_s = fault.amount * (0.4 + 0.2 * chance.real(2, turn))
        self._timeline.at(now + down_s, self._flapped, host, reason)
        self._timeline.at(now + fault.amount, self._flap, fault, host, chance, turn + 1)

    def _flapped(self, host: int, reason: str) -> None:
        self._hosts.lift(host, reason, self._timeline.now)
        self._settle((host,), after_s=0.1)

    def _doubted(self, fault: Fault, host: int, chance: Chance, turn: int) -> None:
        """A slow member is falsely failed now and then."""
        now = self._timeline.now
        if turn and self._hosts.is_(host, "slow"):
            self._views.falsely(host, 0.5 + 6.0 * chance.real(1, turn))
        wait_s = chance.exponential(limits.doubted_s, 2, turn)
        if now + wait_s < (fault.until_s if fault.until_s is not None else self._scenario.seconds):
            self._timeline.at(now + wait_s, self._doubted, fault, host, chance, turn + 1)

    def _churn(self, fault: Fault, chance: Chance, turn: int) -> None:
        """One node after the other; never one that is an entry."""
        now, count = self._timeline.now, self._scenario.nodes
        if turn:
            host = chance.below(count, 1, turn)
            kind = chance.real(2, turn)
            what = next(word for word, share in CHURNS if kind <= share)
            if host not in self._land.vantages and host not in self._hosts.ill:
                self._hit(Fault(what), (host,))
                self._timeline.at(now + 15.0 + 45.0 * chance.real(3, turn), self._mend, what, (host,))
        wait_s = chance.exponential(60.0 / max(1e-9, fault.amount * count), 4, turn)
        if now + wait_s < (fault.until_s if fault.until_s is not None else self._scenario.seconds):
            self._timeline.at(now + wait_s, self._churn, fault, chance, turn + 1)

    # ---- paths and entries ------------------------------------------------------------------------------------------

    def _entry(self, fault: Fault, step: int) -> None:
        for number in fault.nodes:
            vantage = self._vantages.all[number]
            if fault.what == "entry-down":
                vantage.hung_up += step
            else:
                vantage.losing = fault.amount if step > 0 else 0.0
        self._vantages.checked()

    def _reroute(self) -> None:
        count = len(self._land)
        blocks: list[tuple[tuple[int, ...], tuple[int, ...] | None]] = []
        for fault in self._cuts.values():
            inside = self.meant(fault)
            within = frozenset(inside)
            outside = (
                tuple(host for host in self._land.hosts(f"zone={fault.other}") if host not in within)
                if fault.other
                else None
            )
            if fault.way in ("both", "out"):
                blocks.append((inside, outside))
            if fault.way in ("both", "in"):
                beyond = tuple(host for host in range(count) if host not in within) if outside is None else outside
                blocks.append((beyond, inside))
        paths = Paths(count, blocks)
        self._ring.reroute(paths)
        self._vantages.checked()
