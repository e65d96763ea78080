"""A ring of bare Serf agents on loopback, for as long as a measurement takes, and what is measured on it.

Nothing of the project runs on its nodes: what comes back is Serf itself, and the machine it runs on. `Load` tells the
two apart: how long the agents ran, and how long they stood in line for a processor.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from inspector_agent.ring import Ack, CommandRefused, RingError, connect
from inspector_agent.wire import QUERY_NAME
from inspector_lab import limits, processes, tools
from inspector_lab.ground import claimed_octet
from inspector_lab.plan import SerfAgent, address, node_names

WHOLE_S = 120.0  # 300 agents need 15 s to be started, and some 30 s more until all know all
QUIET_S = 90.0
NUDGE_S = 2.0  # whoever missed a join learns of it by comparing lists: Serf of 300 does so by itself every 150 s
POLL_S = 0.2
QUEUES = ("intent_queue", "query_queue", "event_queue")
GOSSIP_S = 0.2  # of the profile lan
GOLDEN = 0.618  # its multiples, less their whole part, fill 0 to 1 evenly
SETTLE_S = 1.2  # after the last acknowledgement until nobody passes that query on any more
# As a fleet has them: how long a member record is decides what fits beside it into a packet.
TAGS = {"zone": "a", "rack": "a1", "role": "worker", "kernel": "6.1.0-31-amd64"}
# Go's runtime, not Serf: one processor an agent, and rarer garbage collection. It takes a quarter less processor time,
# without which rings of 240 and more fell apart on two busy cores: probes time out, suspicions make more load.
FRUGAL = ("GOMAXPROCS=1", "GOGC=400")
STARTS_PER_S = 20.0
BATCH = 20  # then the newest must know all before more are started


class NotWholeError(Exception):
    """A ring that does not come up: usually the machine is too small, or too busy, for so many agents."""


@dataclass(frozen=True)
class Bare(SerfAgent):
    """One without an inspection agent."""

    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Load:
    """What the machine did in a stretch of time, all in seconds.

    ran, waited  summed over the ring's agents: on a processor, and ready to run but in line for one
    busy         of all processors, by anybody
    stolen       of all processors, by other machines on the same host
    """

    wall: float
    ran: float
    waited: float
    busy: float
    stolen: float


@dataclass(frozen=True)
class Curve:
    """One query: when each acknowledgement arrived, in seconds after asking, sorted; and what the machine did."""

    arrivals: tuple[float, ...]
    load: Load


# --- the ring -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def bare_ring(count: int, *, profile: str = "lan", seed: int = 1) -> AsyncIterator[list[Bare]]:
    """`count` agents (300 at most on two cores), whole and quiet on entry, gone on exit, whatever happens."""
    draws = random.Random(seed)  # noqa: S311
    with claimed_octet() as (octet, _), tempfile.TemporaryDirectory(prefix="bench-ring-") as folder:
        nodes: list[Bare] = []
        try:
            for index, name in enumerate(node_names(count)):
                through = [draws.choice(nodes).gossip] if nodes else []
                nodes.append(start(Path(folder), name, address(octet, index), profile, through))
                # An agent gossips every 200 ms from its start on: starts at equal distances would gossip in step.
                await trio.sleep(draws.uniform(0.5, 1.5) / STARTS_PER_S)
                if index % BATCH == BATCH - 1:
                    await whole(nodes[-1:], nodes)
            await whole(nodes, nodes)
            await quiet(nodes)
            yield nodes
        finally:
            for node in nodes:
                node.process.kill()
            for node in nodes:
                node.process.wait()


def start(folder: Path, name: str, host: str, profile: str, through: list[str]) -> Bare:
    """Start one agent; it dies with us."""
    path = folder / f"{name}.json"
    settings = {
        "node_name": name,
        "bind": f"{host}:{limits.gossip_port}",
        "rpc_addr": f"{host}:{limits.rpc_port}",
        "profile": profile,
        "log_level": "err",
        "retry_join": through,
        "retry_interval": "1s",
        "tags": TAGS | {"round": "0"},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")
    argv = ["env", *FRUGAL, str(tools.find("serf")), "agent", f"-config-file={path}"]
    return Bare(name, host, processes.spawn(argv, folder / f"{name}.log"))


async def whole(looked_at: list[Bare], ring: list[Bare]) -> None:
    """Returns when each of these agents counts the whole ring as alive; raises NotWholeError with how far it came.

    Looked at one after the other: asking 300 agents all the time is what keeps two cores from getting anywhere.
    """
    done = 0
    with trio.move_on_after(WHOLE_S):
        for node in looked_at:
            nudge_at = trio.current_time() + NUDGE_S
            while living(await figures(node)) != len(ring):
                await trio.sleep(POLL_S)
                if trio.current_time() > nudge_at:
                    await introduce(node, ring[-1] if node is ring[0] else ring[0])
                    nudge_at = trio.current_time() + NUDGE_S
            done += 1
        return
    lacking = len(looked_at) - done
    raise NotWholeError(f"{lacking} of {len(looked_at)} Serf agents do not see all {len(ring)} after {WHOLE_S:g} s")


async def quiet(nodes: list[Bare]) -> None:
    """Returns when no agent has anything left to gossip: no join, query or event in its queues."""
    done = 0
    with trio.move_on_after(QUIET_S):
        for node in nodes:
            while busy(await figures(node)):  # noqa: ASYNC110  # Serf tells no Event of it
                await trio.sleep(POLL_S)
            done += 1
        return
    raise NotWholeError(
        f"{len(nodes) - done} of {len(nodes)} Serf agents still have something to gossip: {QUIET_S:g} s"
    )


def living(serf: dict[str, str]) -> int:
    """Members alive, by the `serf` section of an agent's stats; 0 of one that does not listen yet."""
    return int(serf["members"]) - int(serf["failed"]) - int(serf["left"]) if serf else 0


def busy(serf: dict[str, str]) -> bool:
    """Whether an agent has anything left to gossip, by the `serf` section of its stats."""
    return any(serf.get(queue) != "0" for queue in QUEUES)


async def introduce(node: Bare, other: Bare) -> None:
    """Let a node that does not know everybody compare lists with another one."""
    with suppress(RingError):
        async with connect(node.rpc) as client:
            await client.join([other.gossip])


async def figures(node: Bare) -> dict[str, str]:
    """The `serf` section of an agent's stats; nothing of one that does not listen yet."""
    with suppress(RingError):
        async with connect(node.rpc) as client:
            return (await client.stats())["serf"]
    return {}


# --- what is measured -----------------------------------------------------------------------------------------


async def acks(nodes: list[Bare], payload: bytes, *, timeout_s: float = 15.0) -> Curve:
    """Ask all with acknowledgements through the first node. A curve may lack nodes: who did not hear in time."""
    before = meter(nodes)
    arrivals: list[float] = []
    async with (
        connect(nodes[0].rpc) as client,
        client.query(QUERY_NAME, payload, timeout_s=timeout_s, request_ack=True) as records,
    ):
        began = trio.current_time()  # Serf has the query: what came before is this program and its connection
        async for record in records:
            if isinstance(record, Ack):
                arrivals.append(trio.current_time() - began)
            if len(arrivals) == len(nodes):
                break
    return Curve(tuple(sorted(arrivals)), between(before, meter(nodes)))


async def asked(nodes: list[Bare], payload: bytes, runs: int) -> list[Curve]:
    """So many queries, one after the other.

    How long the entry waits for its own next gossip moves the whole curve by up to 200 ms: the queries begin at
    moments that are spread evenly over that interval.
    """
    curves = []
    for run in range(runs):
        await trio.sleep(SETTLE_S)
        share = run * GOLDEN % 1
        interval = int(trio.current_time() / GOSSIP_S) + 1
        await trio.sleep_until((interval + share) * GOSSIP_S)
        curves.append(await acks(nodes, payload))
    return curves


@asynccontextmanager
async def retagging(nodes: list[Bare], value: str) -> AsyncIterator[None]:
    """On entry all nodes have just begun to change a tag; on exit Serf has told it often enough.

    Serf answers the command only when its own record has gone out as often as its retransmit limit says, or with an
    error after five seconds, and the change stands all the same.
    """
    connected = 0
    go, ready = trio.Event(), trio.Event()

    async def change(node: Bare) -> None:
        nonlocal connected
        async with connect(node.rpc) as client:
            connected += 1
            if connected == len(nodes):
                ready.set()
            await go.wait()
            with suppress(CommandRefused):
                await client.tags({"round": value})

    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(change, node)
        await ready.wait()
        go.set()
        yield


def meter(nodes: Iterable[Bare]) -> Load:
    """The machine's and the agents' clocks, as they stand; the difference of two is a Load."""
    ran = waited = 0
    for node in nodes:
        for task in Path(f"/proc/{node.process.pid}/task").iterdir():
            with suppress(OSError):
                on, line, _ = (task / "schedstat").read_text().split()
                ran, waited = ran + int(on), waited + int(line)
    fields = [int(field) / 100 for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _io, interrupt, soft, stolen = fields
    return Load(trio.current_time(), ran / 1e9, waited / 1e9, user + nice + system + interrupt + soft, stolen)


def between(before: Load, after: Load) -> Load:
    """What happened from one reading to the next."""
    return Load(
        after.wall - before.wall,
        after.ran - before.ran,
        after.waited - before.waited,
        after.busy - before.busy,
        after.stolen - before.stolen,
    )
