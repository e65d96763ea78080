"""CORE. Members that fail, leave and come back, and the gossip by which a ring tells of it.

Theory of operation
===================
A member that fails does nothing any more. In a real ring each member is pinged about once a second by one of the
others; whoever gets no ack within a probe interval tells its suspicion to all. That is what the entry hears: the first
suspicion, and those of as many more accusers as its own timer waits for. Besides, the entry finds it with pings of its
own. That the member has failed is what the entry's Serf decides, when its timer ends; nobody says so to it.

A member that leaves gossips Serf's leave intent, answers on while that goes round, and then sends memberlist's dead
message about itself. One that crashed or has left comes back with a higher incarnation and Serf's join intent, as its
restarted Serf would that learned what was said about it. One that stood still only goes on: if it was suspected
meanwhile, it refutes, with a higher incarnation too.

    alive ──fails──► failed ──comes back──► alive        both ways of coming back, before Serf has noticed or after
    alive ──leave intent──► leaving ──dead message──► left ──comes back──► alive

Any news reaches the entry some times, through different members, as gossip does; the first one changes something.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from inspector_lab.hollow import limits, packets
from inspector_lab.hollow.fleet import ALIVE, LEAVING, LEFT, Life, Member
from inspector_lab.hollow.members import Send
from inspector_lab.hollow.questions import join_intent, leave_intent
from inspector_lab.hollow.standing import Standing
from inspector_lab.hollow.weather import Draw

REJOINS = True
Step = tuple[float, int, Callable[..., None], tuple[Any, ...]]


class Churn:
    """See the module's text. Call `run` at `next_at`, or a little later; packets leave through `send`."""

    def __init__(
        self,
        members: Sequence[Member],
        standing: Standing,
        draw: Draw,
        send: Send,
        counted: Counter[str],
        probe_interval_s: float,
    ) -> None:
        """`members` by node, the real entry, which stays, as number 0; `draw` says who goes and when."""
        self._members = members
        self._standing = standing
        self._draw = draw
        self._send = send
        self._counted = counted
        self._probe_interval_s = probe_interval_s
        self._steps: list[Step] = []
        self._number = 0
        self._ltime = 1  # that of the joining of all
        self._gap_s = math.inf
        self._era = 0  # each change of the rate begins another one
        self._absences: dict[int, int] = {}  # by index: the number of its absence
        self._suspected: set[int] = set()  # of those that have failed
        self._held: list[tuple[Member, bool]] = []  # whose time has come, while nobody comes back

    @property
    def next_at(self) -> float:
        """When something is to be done; infinite: never."""
        return self._steps[0][0] if self._steps else math.inf

    def rate(self, percent_a_minute: float, now: float) -> None:
        """So many go from now on. 0: everything stays as it is, but what has begun is found and told."""
        self._era += 1
        self._standing.churn_percent = percent_a_minute
        self._standing.version += 1
        if not percent_a_minute:
            return
        self._gap_s = 60.0 / ((len(self._members) - 1) * percent_a_minute / 100)
        self._later(now + self._exponential(self._gap_s), self._one_goes, self._era)
        for member, rejoins in self._held:
            self._later(now + self._draw() * limits.held_s, self._back, member, rejoins)
        self._held.clear()

    def run(self, now: float) -> None:
        """Do what is due."""
        while self._steps and self._steps[0][0] <= now:
            at, _, call, arguments = heappop(self._steps)
            call(at, *arguments)

    def _later(self, at: float, call: Callable[..., None], *arguments: Any) -> None:
        self._number += 1
        heappush(self._steps, (at, self._number, call, arguments))

    def _exponential(self, mean: float) -> float:
        return -mean * math.log(1.0 - self._draw())

    # ---- going ------------------------------------------------------------------------------------------------------

    def _one_goes(self, at: float, era: int) -> None:
        if era != self._era:
            return
        self._later(at + self._exponential(self._gap_s), self._one_goes, era)
        member = self._any(lambda one: one.listed == ALIVE)
        if member is None:
            return
        if self._draw() < limits.leaving_share:
            self._leave(at, member)
        else:
            self._fail(at, member, rejoins=self._draw() < limits.crashing_share)

    def _fail(self, at: float, member: Member, *, rejoins: bool) -> None:
        self._standing.becomes(member, Life.FAILED)
        self._number += 1
        absence = self._absences[member.index] = self._number
        pinged = at
        for _ in range(limits.accusers):
            pinged += self._exponential(self._probe_interval_s)
            heard = pinged + self._probe_interval_s + self._draw() * limits.news_s
            self._later(heard, self._accuse, member, absence)
        self._later(at + limits.away_s_min + self._exponential(limits.away_s), self._back, member, rejoins)

    def _accuse(self, _: float, member: Member, absence: int) -> None:
        accuser = self._any()
        if self._absences.get(member.index) != absence or accuser is None:
            return
        self._counted["suspicions"] += 1
        self._suspected.add(member.index)
        self._tell(accuser, packets.suspect(member.name, member.incarnation, accuser.name))

    def _leave(self, at: float, member: Member) -> None:
        self._standing.lists(member, LEAVING)
        self._ltime += 1
        self._news(at, member, leave_intent(member.name, self._ltime))
        self._later(at + limits.leaving_s, self._leaves, member)

    def _leaves(self, at: float, member: Member) -> None:
        self._news(at, member, packets.left(member.name, member.incarnation))
        self._standing.becomes(member, Life.LEFT)
        self._standing.lists(member, LEFT)
        self._later(at + limits.away_s_min + self._exponential(limits.away_s), self._back, member, REJOINS)

    # ---- coming back ------------------------------------------------------------------------------------------------

    def _back(self, at: float, member: Member, rejoins: bool) -> None:  # noqa: FBT001  a step's argument
        if not self._standing.churn_percent:
            self._held.append((member, rejoins))
            return
        self._absences.pop(member.index, None)
        suspected = member.index in self._suspected
        self._suspected.discard(member.index)
        unknown = not rejoins and not suspected and member.listed == ALIVE
        self._standing.becomes(member, Life.ALIVE)
        self._standing.lists(member, ALIVE)
        if unknown:
            return
        member.incarnation += 1
        self._news(at, member, packets.alive(member.name, member.address, member.meta, member.incarnation))
        if rejoins:
            self._ltime += 1
            self._news(at, member, join_intent(member.name, self._ltime))

    # ---- telling ----------------------------------------------------------------------------------------------------

    def _news(self, at: float, member: Member, message: bytes) -> None:
        """By the member itself, and then by others that have heard it."""
        self._tell(member, message)
        for _ in range(limits.news_copies - 1):
            self._later(at + self._draw() * limits.news_s, self._tell_on, message)

    def _tell_on(self, _: float, message: bytes) -> None:
        other = self._any()
        if other is not None:
            self._tell(other, message)

    def _tell(self, member: Member, message: bytes) -> None:
        self._send(member, self._members[0].address, packets.compressed(message))

    def _any(self, fits: Callable[[Member], bool] = lambda _: True) -> Member | None:
        """One of those that are up, by lot; None: hardly anybody is."""
        for _ in range(limits.churn_tries):
            member = self._members[1 + int(self._draw() * (len(self._members) - 1))]
            if member.up and fits(member):
                return member
        return None
