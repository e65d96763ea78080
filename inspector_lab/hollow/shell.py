"""The shell of a hollow ring: sockets, timers and figures around the cores. One process, one thread."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from pathlib import Path

import msgspec
import trio

from inspector_lab.hollow import limits, packets
from inspector_lab.hollow.acting import Acting, Curve
from inspector_lab.hollow.churn import Churn
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.fleet import HollowWish, Member, members_of
from inspector_lab.hollow.members import Members
from inspector_lab.hollow.packets import Address
from inspector_lab.hollow.schedule import Schedule
from inspector_lab.hollow.sealing import Seal
from inspector_lab.hollow.sockets import Arrived, MemberSocket
from inspector_lab.hollow.standing import Standing, Truth
from inspector_lab.hollow.verdicts import Verdicts
from inspector_lab.hollow.weather import Weather
from inspector_lab.hollow.wishing import Wished
from inspector_lab.hollow.witnessing import Witnesses
from inspector_lab.plan import Plan
from inspector_lab.simulated.hearing import hearing_times
from inspector_lab.simulated.profile import profile_named


class Told(msgspec.Struct, kw_only=True):
    """What the process tells about itself, as hollow.json holds it.

    phase    starting, joining, draining, settled
    members  how many it plays; the entry is not one of them
    seconds  how long each phase took that is over
    counted  packets, bytes and messages so far
    truth    who is there, and who is not
    """

    phase: str = "starting"
    members: int = 0
    seconds: dict[str, float] = {}
    counted: dict[str, int] = {}
    truth: Truth = Truth()


class Shell:
    """All members of one ring. `seal` as the ring's gossip is encrypted."""

    def __init__(self, plan: Plan, wish: HollowWish, port: int, verdicts: Verdicts, seal: Seal, told: Path) -> None:
        self.counted: Counter[str] = Counter()
        self.phase = "starting"
        self.seconds: dict[str, float] = {}
        self.members = members_of(plan, port)
        self.entry = self.members[0]
        self.seal = seal
        self.socket = MemberSocket(self.members, port)
        self._told = told
        self._wish = wish
        self._draw = random.Random(wish.seed).random  # noqa: S311 - weather, not secrets
        self._profile = profile_named(wish.profile, encrypt=wish.encrypt)
        schedule = Schedule()
        weather = Weather(
            self._draw, self.counted, loss=wish.loss, delay_s=wish.delay_ms / 1000, duplicate=wish.duplicate
        )
        for member in random.Random(wish.seed).sample(self.members[1:], wish.silent):  # noqa: S311 - as above
            member.hears = False
        self.standing = Standing(self.members)
        witnesses = Witnesses(self.members, self.standing)
        probe_timeout_s = self._profile.probe_timeout_s
        self._play = Members(self.members, schedule, weather, self._send, self.counted, probe_timeout_s, self.standing)
        self.acting = Acting(
            plan.nodes, self.members, verdicts, witnesses, schedule, weather, self._answer, self.counted
        )
        goes = random.Random(f"churn {wish.seed}").random  # noqa: S311 - as above
        self._churn = Churn(self.members, self.standing, goes, self._send, self.counted, self._profile.probe_interval_s)
        self._by_ip = {member.address[0]: member for member in self.members[1:]}
        self._curves: list[Curve] = []
        self._used = False  # the last curve, since it was shuffled
        self._busy = trio.Event()

    # ---- packets ----------------------------------------------------------------------------------------------------

    def _send(self, member: Member, address: Address, packet: bytes) -> None:
        """One packet of a member's, whatever it is."""
        sealed = self.seal.close(packet)
        self.counted["sent_packets"] += 1
        self.counted["sent_bytes"] += len(sealed)
        self.socket.put(member, address, sealed)

    def _answer(self, member: Member, packet: bytes) -> None:
        """One answer or ack of a member's, or a copy of one."""
        sealed = self.seal.close(packet)
        self.counted["unicast_packets"] += 1
        self.counted["unicast_bytes"] += len(sealed)
        self.socket.put(member, self.entry.address, sealed)

    def _take(self, arrived: Arrived) -> None:
        self.counted["received_packets"] += 1
        self.counted["received_bytes"] += len(arrived.packet)
        member = self._by_ip.get(arrived.to)
        if member is None:
            self.counted["stranger"] += 1
            return
        now = trio.current_time()
        try:
            queries = self._play.take(self.seal.open(arrived.packet), member, arrived.source, now)
        except PacketError:
            self.counted["malformed"] += 1
            return
        for query in queries:
            if self.acting.fresh(query):
                self.acting.hear(query, self._curve(), now)
        if not self.acting.idle:
            self._busy.set()

    async def read(self) -> None:
        """Take every packet that comes, for ever."""
        while True:
            await trio.lowlevel.wait_readable(self.socket.socket)
            for _ in range(limits.reads_a_turn):
                arrived = self.socket.receive()
                if arrived is None:
                    break
                self._take(arrived)
            self.socket.flush(limits.batch_packets)

    async def act(self) -> None:
        """Do what is due, tick by tick, as long as anything is; for ever."""
        while True:
            if self.acting.idle and not self.socket.unsent:
                self._prepare()
                self._busy = trio.Event()
                await self._busy.wait()
            self.acting.run(trio.current_time(), int(time.time() * 1000))
            while self.socket.flush(limits.batch_packets) == limits.batch_packets:
                await trio.lowlevel.checkpoint()
            await trio.sleep(limits.tick_s)

    # ---- hearing ----------------------------------------------------------------------------------------------------

    def draw_curves(self) -> None:
        """Simulate the gossip a few times; each question takes one of the curves."""
        members = len(self.members)
        for number in range(limits.curves):
            drawn = hearing_times(members, self._profile, self._wish.seed * 1000 + number, self._wish.loss)
            self._curves.append(Curve(drawn))

    def _curve(self) -> Curve:
        """The next curve."""
        self._curves.append(self._curves.pop(0))
        self._used = True
        return self._curves[-1]

    def _prepare(self) -> None:
        """While nothing is on its way: shuffle who is where on the curve that was used. All members are alike to it."""
        if self._used:
            self._used = False
            times = list(self._curves[-1].times[1:])
            random.Random(self._draw()).shuffle(times)  # noqa: S311 - as above
            self._curves[-1] = Curve([0.0, *times])

    # ---- figures ----------------------------------------------------------------------------------------------------

    def enter(self, phase: str, since: float) -> float:
        """The next phase begins; returns the time."""
        now = trio.current_time()
        self.seconds[self.phase] = round(now - since, 3)
        self.phase = phase
        return now

    async def tell(self) -> None:
        """Write the figures wherever they have changed and nothing is on its way, for ever."""
        last = b""
        while True:
            told = Told(
                phase=self.phase,
                members=len(self.members) - 1,
                seconds=self.seconds,
                counted=dict(self.counted),
                truth=self.standing.truth,
            )
            news = msgspec.json.encode(told)
            if news != last and self.acting.idle:
                last = news
                write_figures(self._told, news)
            await trio.sleep(limits.counts_s)

    async def churn(self, wished: Wished) -> None:
        """Let members go and come back as it is wished, for ever."""
        looked_at = -math.inf
        while True:
            now = trio.current_time()
            if now - looked_at >= limits.churn_wish_s:
                looked_at = now
                wish = wished.news()
                if wish is not None:
                    self._churn.rate(wish.percent_a_minute, now)
            self._churn.run(now)
            self.socket.flush(limits.batch_packets)
            busy = self._churn.next_at < math.inf
            await trio.sleep(limits.churn_tick_s if busy else limits.churn_wish_s)

    async def ping_entry(self) -> None:
        """As a real ring does: every member pings one other a second, so the entry is pinged once a second."""
        members, name, seq = self.members, self.entry.name, 0
        while True:
            await trio.sleep(limits.member_ping_s)
            seq = (seq + 1) % packets.UINT32
            member = members[1 + int(self._draw() * (len(members) - 1))]
            if member.up:
                self._send(member, self.entry.address, packets.ping(seq, name, member.address, member.name))
            self.socket.flush(limits.batch_packets)


def write_figures(path: Path, news: bytes) -> None:
    """Replace the figures in one step. Not synced: they are worth nothing after a crash, and a disk may be busy."""
    aside = path.with_suffix(".new")
    aside.write_bytes(news)
    aside.replace(path)
