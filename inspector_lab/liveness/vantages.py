"""CORE. The watcher's connections to its entries: they break, get stuck, and come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inspector_coord.watch.model import Event, MembersChanged, MembersRead, VantageDown, VantageUp
from inspector_lab.liveness import limits
from inspector_lab.liveness.ring import Ring
from inspector_lab.liveness.stream import Stream
from inspector_lab.liveness.view import Listed

__all__ = ["Vantage", "Vantages"]


@dataclass(eq=False, slots=True)
class Vantage:
    """One entry. up: connected, as the watcher believes; stuck: and nothing comes through.

    hung_up  faults that keep it from taking connections; losing: share of stream batches that get lost
    """

    number: int
    host: int
    up: bool = False
    stuck: bool = False
    opening: bool = False
    hung_up: int = 0
    losing: float = 0.0
    stamp: int = 0
    held: list[Event] = field(default_factory=list)


class Vantages:
    """All of them. `bring(event)` gives the watcher what comes."""

    def __init__(self, ring: Ring, bring: Callable[[Event], None]) -> None:
        self._timeline = ring.timeline
        self._land = ring.land
        self._hosts = ring.hosts
        self._views = ring.views
        self._chance = ring.chance.part("vantages")
        self._bring = bring
        self._draws = 0
        self.all = [Vantage(number, host) for number, host in enumerate(ring.land.vantages)]
        self._streams = [Stream(ring.timeline, self._teller(vantage)) for vantage in self.all]
        self.lost_batches = 0
        self._watched = False

    def told(self, vantage: int, kind: str, host: int) -> None:
        """Serf has a member event for it."""
        self._streams[vantage].put(kind, host)

    def start(self) -> None:
        """A watcher starts: nothing is connected."""
        self._watched = True
        for vantage in self.all:
            vantage.up = vantage.stuck = vantage.opening = False
            vantage.held.clear()
            vantage.stamp += 1
            if self._takes(vantage):
                self._timeline.at(self._timeline.now + 0.05 * (1 + vantage.number), self._open, vantage, vantage.stamp)
            else:
                self._bring(VantageDown(vantage.number, "cannot be reached"))

    def checked(self) -> None:
        """Something has changed: which connections break now, which may come back?"""
        for vantage in self.all if self._watched else ():
            takes = self._takes(vantage)
            if vantage.up and not takes:
                if self._said(vantage):
                    self._close(vantage, vantage.stamp)
                elif not vantage.stuck:
                    vantage.stuck = True
                    self._timeline.at(self._soon(limits.noticing_s), self._close, vantage, vantage.stamp)
            elif vantage.up and vantage.stuck:
                self._unstick(vantage)
            elif takes and not vantage.opening:
                vantage.opening = True
                self._timeline.at(self._soon(limits.connecting_s), self._open, vantage, vantage.stamp)

    def works(self, vantage: int) -> bool:
        """Whether anything comes through."""
        return self.all[vantage].up and not self.all[vantage].stuck

    def read(self, number: int) -> None:
        """The watcher wants its member list."""
        vantage = self.all[number]
        if vantage.up:  # one that gives no answer is given up soon
            took_s = limits.reading_s + limits.reading_member_s * len(self._land)
            self._timeline.at(self._timeline.now + took_s * (0.2 + self._luck()), self._listed, vantage, vantage.stamp)

    # ---- how --------------------------------------------------------------------------------------------------------

    def _takes(self, vantage: Vantage) -> bool:
        """Whether its Serf agent talks to the watcher."""
        far = self._land.watcher is not None and not self._views.paths.connects(self._land.watcher, vantage.host)
        return not (vantage.hung_up or far) and self._hosts.gossips(vantage.host)

    def _said(self, vantage: Vantage) -> bool:
        """Whether the end of the connection is told by the other side's kernel."""
        return not self._hosts.is_(vantage.host, "off") and (
            vantage.hung_up > 0 or self._hosts.is_(vantage.host, "serf-dead") or self._hosts.is_(vantage.host, "gone")
        )

    def _open(self, vantage: Vantage, stamp: int) -> None:
        vantage.opening = False
        if vantage.stamp != stamp or vantage.up or not self._takes(vantage):
            return
        vantage.up, vantage.stuck = True, False
        vantage.stamp += 1
        self._bring(VantageUp(vantage.number, self._land.names[vantage.host]))
        self.read(vantage.number)

    def _close(self, vantage: Vantage, stamp: int) -> None:
        if vantage.stamp != stamp or not vantage.up or (vantage.stuck and self._takes(vantage)):
            return
        vantage.up = vantage.stuck = False
        vantage.held.clear()
        vantage.stamp += 1
        self._bring(VantageDown(vantage.number, "the connection broke"))
        self.checked()

    def _unstick(self, vantage: Vantage) -> None:
        """What waited in the connection comes, late."""
        vantage.stuck = False
        vantage.stamp += 1  # the end that was to be noticed is none
        held, vantage.held = vantage.held, []
        for event in held:
            self._bring(event)

    def _listed(self, vantage: Vantage, stamp: int) -> None:
        if not vantage.up or vantage.stamp != stamp:
            return
        view, land = self._views.vantages[vantage.number], self._land
        members = tuple(land.members)
        if view.odd:
            listed = ((host, view.status(host)) for host in range(len(land)))
            members = tuple(land.member(host, status) for host, status in listed if status != "none")
        self._pass_on(vantage, MembersRead(vantage.number, members))

    def _teller(self, vantage: Vantage) -> Callable[[str, Sequence[int]], None]:
        def tell(kind: str, hosts: Sequence[int]) -> None:
            if not vantage.up:
                return
            if vantage.losing and self._luck() < vantage.losing:
                self.lost_batches += 1
                return
            status = STATUS_OF[kind]
            members = tuple(self._land.member(host, status) for host in hosts)
            self._pass_on(vantage, MembersChanged(vantage.number, kind, members))

        return tell

    def _pass_on(self, vantage: Vantage, event: Event) -> None:
        if not vantage.stuck:
            self._bring(event)
        elif len(vantage.held) < limits.held_events_max:
            vantage.held.append(event)

    def _soon(self, between: tuple[float, float]) -> float:
        low, high = between
        return self._timeline.now + low + (high - low) * self._luck()

    def _luck(self) -> float:
        self._draws += 1
        return self._chance.real(self._draws)


STATUS_OF: dict[str, Listed] = {"join": "alive", "update": "alive", "leave": "left", "failed": "failed", "reap": "left"}
