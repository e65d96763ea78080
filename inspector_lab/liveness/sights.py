"""CORE. What a witness sees of another host, and how it is itself. Built as the messages say, without the wire."""

from __future__ import annotations

from inspector_agent.witness import limits as witness_limits
from inspector_agent.witness.messages import Picture, Reach, Sight
from inspector_lab.liveness import limits
from inspector_lab.liveness.ring import Ring

__all__ = ["Sights"]


class Sights:
    """Looks of hosts at hosts."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._hosts = ring.hosts
        self._chance = ring.chance.part("sights")
        self._pictures: dict[tuple[int, int], Picture] = {}
        self._draws = 0

    def look(self, witness: int, name: str) -> tuple[Sight, float]:
        """(what it sees of the member of this name, seconds that took)."""
        host = self._ring.land.index.get(name)
        if host is None:
            return Sight("", Reach.SKIPPED, Reach.SKIPPED, Reach.SKIPPED), 0.0
        status = self._ring.opinions.listed(witness, host)
        if status == "none":  # it does not know it, so it knows no address
            return Sight("", Reach.SKIPPED, Reach.SKIPPED, Reach.SKIPPED), 0.0
        there = self._ring.paths.connects(witness, host) and not self._hosts.is_(host, "off")
        running = not (self._hosts.is_(host, "serf-dead") or self._hosts.is_(host, "gone"))
        gossip = self._try(witness, host, there=there, listens=running)
        ssh = self._try(witness, host, there=there, listens=True) if self._ring.scenario.ssh else Reach.SKIPPED
        ping = self._try(witness, host, there=there, listens=True) if self._ring.scenario.ping else Reach.SKIPPED
        tried = (gossip, ssh, ping)
        slow_s = witness_limits.patience_s if {Reach.TIMEOUT, Reach.UNREACHABLE} & set(tried) else 0.003
        took_ms = 1 + int(self._luck() * 3) if Reach.OK in tried else 0
        return Sight(status, gossip, ssh, ping, took_ms), slow_s

    def picture(self, host: int) -> Picture:
        """How it sees the ring."""
        return self.shared(self._ring.opinions.picture(host))

    def shared(self, seen: tuple[int, int]) -> Picture:
        """The picture of (alive, failed)."""
        known = self._pictures.get(seen)
        if known is None:
            known = self._pictures[seen] = Picture(*seen)
        return known

    def health(self, host: int, chance: float) -> int:
        """Serf's score of itself. `chance`: 0 … 1."""
        deaf, words = self._ring.opinions.deaf_from.get(host), self._hosts.ill.get(host)
        if deaf is None and words is None:
            return 1 if chance < limits.health_stray else 0
        score = 0 if deaf is None else int((self._ring.timeline.now - deaf[0]) / limits.health_rise_s)
        if words and "unwell" in words:
            score = max(score, int(self._hosts.amounts[host, "unwell"]))
        if words and "slow" in words:
            score = max(score, 1 + int(chance * limits.health_slow))
        return min(limits.health_max, score)

    def lag_s(self, host: int, chance: float) -> float:
        """How late its timers are now. `chance`: 0 … 1."""
        if self._hosts.is_(host, "slow"):
            return self._hosts.amounts[host, "slow"] * 2 * chance
        return limits.lag_s * chance

    def _try(self, witness: int, host: int, *, there: bool, listens: bool) -> Reach:
        """One attempt. A lost packet is sent again after a second, which is too late."""
        if there:
            if self._ring.loss and (self._luck() < self._ring.loss or self._luck() < self._ring.loss):
                return Reach.TIMEOUT
            return Reach.OK if listens else Reach.REFUSED
        beside = self._ring.land.racks[witness] == self._ring.land.racks[host]
        return Reach.UNREACHABLE if beside and self._luck() < limits.unreachable else Reach.TIMEOUT

    def _luck(self) -> float:
        self._draws += 1
        return self._chance.real(self._draws)
