"""Real Serf agents for tests: rings on loopback addresses of their own, which end with the test.

    async with serf_ring(3, tags={"zone": "a"}) as ring:
        async with connect(ring[0].rpc) as client:
            ...

Addresses are 127.K.L.1, 127.K.L.2 …, where K and L are claimed by a socket that stays bound while the ring lives, so
that tests may run side by side. Every node listens for gossip on port 7946 and for RPC on port 7373 of its address.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trio

from inspector_agent.ring import (
    Ack,
    Answer,
    Phantom,
    QueryEvent,
    QueryOver,
    QueryRecord,
    Subscription,
    connect,
)
from inspector_lab.tools import find
from tests.support.waiting import PATIENCE_S

GOSSIP_PORT, RPC_PORT, CLAIM_PORT = 7946, 7373, 7945
POLL_S = 0.02

Tags = Mapping[str, str]


class SerfFailedError(Exception):
    """A Serf agent that did not do what a test needs; the text ends with its log."""


async def until(holds: Callable[[], Awaitable[bool]], *, what: str, within_s: float = PATIENCE_S) -> None:
    """Returns as soon as `holds()` does; raises TimeoutError with `what` after `within_s` seconds."""
    with trio.move_on_after(within_s):
        while not await holds():  # noqa: ASYNC110  # the world outside sets no Event
            await trio.sleep(POLL_S)
        return
    raise TimeoutError(f"not within {within_s:g} s: {what}")


@dataclass
class SerfNode:
    """One agent. It is running, unless a test has killed it.

    Attributes:
        bind: `address:port` of gossip.
        rpc: `address:port` of its RPC, for `connect`.
        config: its configuration file's content; a test may change it before `start`.
    """

    name: str
    address: str
    folder: Path
    config: dict[str, object]
    process: subprocess.Popen[bytes] | None = None
    _pidfd: int = field(default=-1, repr=False)

    @property
    def bind(self) -> str:
        """`address:port` of gossip."""
        return f"{self.address}:{GOSSIP_PORT}"

    @property
    def rpc(self) -> str:
        """`address:port` of RPC."""
        return f"{self.address}:{RPC_PORT}"

    @property
    def pid(self) -> int:
        """Process id; raises if the node is not running."""
        if self.process is None:
            raise SerfFailedError(f"{self.name} is not running")
        return self.process.pid

    def log(self) -> str:
        """All that the agent has written, over all its starts."""
        return (self.folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")

    async def start(self, join: Sequence[str] = ()) -> None:
        """Start the agent, joining the ring through any of `join` (gossip addresses); returns when RPC listens."""
        path = self.folder / f"{self.name}.json"
        path.write_text(json.dumps({**self.config, "retry_join": list(join), "retry_interval": "1s"}))
        self.process = self._spawn(path)
        self._pidfd = os.pidfd_open(self.process.pid)
        try:
            await until(self._listens, what=f"RPC of {self.name} on {self.rpc}")
        except TimeoutError as problem:
            raise SerfFailedError(f"{problem}\n{self.log()[-2000:]}") from problem

    def _spawn(self, configuration: Path) -> subprocess.Popen[bytes]:
        # setpriv: Serf must not outlive a test run that is killed. Popen returns at once, and stays in this thread.
        command = ["setpriv", "--pdeathsig", "KILL", str(find("serf")), "agent", f"-config-file={configuration}"]
        with (self.folder / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def _listens(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise SerfFailedError(f"{self.name} ended with {self.process.returncode}\n{self.log()[-2000:]}")
        try:
            stream = await trio.open_tcp_stream(self.address, RPC_PORT)
        except OSError:
            return False
        await stream.aclose()
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the running agent."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """Freeze it (SIGSTOP): its sockets stay open, nothing answers. Returns when all of its threads stand still."""
        self.signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.pid}/task")
        while any(_state(thread) not in "Tt" for thread in threads.iterdir()):
            os.sched_yield()

    def cont(self) -> None:
        """Let it go on after `stop`."""
        self.signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it as a power cut would; returns when the process is gone."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def wait(self) -> int:
        """Wait until the process has ended; its exit status."""
        if self.process is None:
            raise SerfFailedError(f"{self.name} is not running")
        await trio.lowlevel.wait_readable(self._pidfd)
        os.close(self._pidfd)
        status = self.process.wait()
        self.process = None
        return status

    async def restart(self, join: Sequence[str] = ()) -> None:
        """Kill it if it runs, and start it again under the same name and addresses."""
        if self.process is not None:
            await self.kill()
        await self.start(join)


def _state(thread: Path) -> str:
    """The kernel's letter for what a thread does; T: stopped."""
    return (thread / "stat").read_text().rpartition(") ")[2][0]


@dataclass
class SerfRing(Sequence[SerfNode]):
    """The nodes of one ring, in the order of their addresses."""

    nodes: list[SerfNode]
    rpc_auth: str | None = None

    def __getitem__(self, index: int) -> SerfNode:  # type: ignore[override]  # nobody slices a ring
        return self.nodes[index]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[SerfNode]:
        return iter(self.nodes)

    def others(self, node: SerfNode) -> list[str]:
        """Gossip addresses of up to three other running nodes: what a restarted node joins through."""
        return [other.bind for other in self.nodes if other is not node and other.process is not None][:3]

    async def whole(self) -> None:
        """Returns when every running node sees every running node alive."""
        running = {node.name for node in self.nodes if node.process is not None}
        for node in self.nodes:
            if node.process is not None:

                async def sees_all(node: SerfNode = node) -> bool:
                    return running <= await alive(node, self.rpc_auth)

                await until(sees_all, what=f"{node.name} sees {len(running)} nodes alive")


async def alive(node: SerfNode, rpc_auth: str | None = None) -> set[str]:
    """Names that this node's Serf agent believes alive."""
    async with connect(node.rpc, auth_key=rpc_auth) as client:
        return {member.name for member in await client.members(status="alive")}


@asynccontextmanager
async def answering(
    nodes: Iterable[SerfNode], query: str, payload_of: Callable[[SerfNode], bytes], rpc_auth: str | None = None
) -> AsyncIterator[None]:
    """While the context is open, each of the nodes answers the query of this name with its payload."""

    async def answer(node: SerfNode, *, task_status: trio.TaskStatus[None]) -> None:
        async with connect(node.rpc, auth_key=rpc_auth) as client, client.stream(f"query:{query}") as events:
            task_status.started()
            async for event in events:
                if isinstance(event, QueryEvent):
                    with suppress(QueryOver):  # too late is as good as lost
                        await client.respond(event.id, payload_of(node))

    async with trio.open_nursery() as nursery:
        for node in nodes:
            await nursery.start(answer, node)
        yield
        nursery.cancel_scope.cancel()


async def heard(answers: Subscription[QueryRecord]) -> list[Ack | Answer]:
    """All records of a query up to its end, less phantoms: a busy Serf may add any number of these."""
    return [record async for record in answers if not isinstance(record, Phantom)]


@contextmanager
def claimed_prefix() -> Iterator[str]:
    """`127.K.L`: a /24 of loopback that no other test on this machine uses while the context is open."""
    while True:
        prefix = f"127.{random.randint(64, 223)}.{random.randint(1, 254)}"  # noqa: S311
        claim = socket.socket()
        try:
            claim.bind((f"{prefix}.255", CLAIM_PORT))
        except OSError:
            claim.close()
            continue
        with claim:
            yield prefix
        return


@asynccontextmanager
async def serf_ring(
    count: int,
    *,
    tags: Tags | Sequence[Tags] | None = None,
    rpc_auth: str | None = None,
    encrypt: str | None = None,
    profile: str = "lan",
    settings: Mapping[str, object] | None = None,
    names: Sequence[str] | None = None,
) -> AsyncIterator[SerfRing]:
    """A ring of `count` nodes `n001 …`, whole on entry, gone on exit.

    Args:
        count: nodes; 20 at most on a small machine.
        tags: for all nodes, or one mapping a node.
        rpc_auth: the RPC auth key; None: RPC asks for none.
        encrypt: base64 of a 32-byte gossip key (`base64.b64encode(os.urandom(32)).decode()`); None: plain gossip.
        profile: Serf's timing profile: local, lan or wan. Each node passes a query on 4 × ceil(log10(n+1)) times, but
            in the local profile only 2 ×: measured, of 40 queries to 8 nodes 23 missed somebody with local, 2 with lan,
            0 with wan. Up to 4 nodes lan misses nobody.
        settings: more of Serf's configuration file, by its own names.
        names: of the nodes; None: n001 …
    """
    with claimed_prefix() as network, tempfile.TemporaryDirectory(prefix="serf-test-") as folder:
        config: dict[str, object] = {"profile": profile, "log_level": "debug", "leave_on_terminate": True}
        config |= {"rpc_auth": rpc_auth} if rpc_auth is not None else {}
        config |= {"encrypt_key": encrypt} if encrypt is not None else {}
        config |= settings or {}
        nodes = []
        for index in range(count):
            node = SerfNode(names[index] if names else f"n{index + 1:03}", f"{network}.{index + 1}", Path(folder), {})
            own: Tags = (tags if isinstance(tags, Mapping) else tags[index]) if tags else {}
            node.config = {"node_name": node.name, "bind": node.bind, "rpc_addr": node.rpc, "tags": dict(own), **config}
            nodes.append(node)
        ring = SerfRing(nodes, rpc_auth)
        try:
            await nodes[0].start()
            async with trio.open_nursery() as nursery:
                for node in nodes[1:]:
                    nursery.start_soon(node.start, [nodes[0].bind])
            await ring.whole()
            yield ring
        finally:
            with trio.CancelScope(shield=True):
                for node in nodes:
                    if node.process is not None:
                        with suppress(ProcessLookupError):
                            node.signal(signal.SIGKILL)
                for node in nodes:
                    if node.process is not None:
                        await node.wait()
