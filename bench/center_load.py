"""How the config center's HTTP face bears a fleet: many agents that fetch at once, and one that asks again and again.

The server is `config-center serve` on a SQLite database, in a process of its own, with a release of 500 items (60 kB on
the wire). Its processor time is read from the kernel, so that what the load generator uses on the same machine does not
count as the server's.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from bench.figures import Figure
from bench.memory import peak_mb
from config_center.database import Database
from config_center.pointer import Pointer, encode_pointer
from config_center.release import Layer, LayerItem, build, canonical
from config_center.rows import NewAct

WHEN = "2030-01-01T00:00:00Z"
ITEMS = 500
TEXT_CHARS = 150  # random texts: so that a release has 60 kB gzipped, as the largest that the budget allows
SPREAD_S = 10.0  # what the agents spread their fetching over
PATIENCE_S = 60.0  # an agent that has not got everything by then has failed


@dataclass
class Served:
    """A running config center. pids: of its processes; digest: of the release it serves."""

    port: int
    pids: list[int]
    digest: str

    def processor_s(self) -> float:
        """Processor time it has used so far, all processes together."""
        return sum(_processor_s(pid) for pid in self.pids)

    def peak_mb(self) -> float:
        """The most memory that one of its processes has had."""
        return max(peak_mb(pid) for pid in self.pids)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Outcome:
    """What became of the agents. seconds: from each one's start to its last byte."""

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    wire_bytes: int = 0


def publish(path: Path) -> str:
    """A release of the size that the budget allows; its digest."""
    chance = random.Random(1)  # noqa: S311 - a text that does not shrink
    items = {
        f"sysctl:net.something.{number}": LayerItem(
            line=number + 1,
            expect={"value": {"equals": "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=TEXT_CHARS))}},
            with_={}, severity="major", timeout_s=2.0,
        )
        for number in range(ITEMS)
    }  # fmt: skip
    release = build([Layer("a", "layers/a.yml", {}, items)], [], number=1, created=WHEN)
    pointer = encode_pointer(Pointer(serial=1, number=1, digest=release.digest, created=WHEN))
    with closing(Database.at(path)) as database:
        database.migrate()
        act = NewAct(
            serial=1, kind="publish", number=1, digest=release.digest, who="bench", at=WHEN, pointer=pointer,
            release=canonical(release),
        )  # fmt: skip
        return database.record(act, after=0).digest


@contextmanager
def center(processes: int) -> Iterator[Served]:
    """A config center with a release, in so many processes that share a port."""
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder, ExitStack() as stack:
        path = Path(folder, "center.db")
        served = Served(port=0, pids=[], digest=publish(path))
        for _ in range(processes):
            command = [sys.executable, "-m", "config_center", "serve", str(path), "--share-port"]
            process = subprocess.Popen([*command, "--port", str(served.port)], stderr=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.terminate)
            assert process.stderr is not None
            served.port = int(process.stderr.readline().rpartition(":")[2])
            served.pids.append(process.pid)
        yield served


def request(path: str, *headers: str) -> bytes:
    """A GET as an agent sends it."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: center", "Accept-Encoding: gzip", *headers, "", ""]).encode()


async def answer(stream: trio.SocketStream) -> tuple[bytes, bytes]:
    """(head, body) of one response."""
    raw = bytearray()
    while (end := raw.find(b"\r\n\r\n")) < 0:
        raw += await _more(stream)
    head = bytes(raw[:end]).lower()
    length = 0
    if b"content-length: " in head:
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(raw) < end + 4 + length:
        raw += await _more(stream)
    return head, bytes(raw[end + 4 :])


async def _more(stream: trio.SocketStream) -> bytes:
    piece = await stream.receive_some(65536)
    if not piece:
        raise trio.BrokenResourceError("the server hung up")
    return bytes(piece)


async def agent(port: int, release: str, outcome: Outcome) -> None:
    """One agent after an announcement: a connection of its own, the pointer, the release."""
    began = trio.current_time()
    try:
        with trio.fail_after(PATIENCE_S):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                for path in ("/current.json", release):
                    await stream.send_all(request(path))
                    head, body = await answer(stream)
                    if b" 200 " not in head[:20]:
                        outcome.failed.append(head[:20].decode())
                        return
                    outcome.wire_bytes += len(head) + len(body)
    except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
        outcome.failed.append(type(error).__name__)
        return
    outcome.seconds.append(trio.current_time() - began)


async def stampede(served: Served, count: int, spread_s: float) -> Outcome:
    """`count` agents, each starting at a random moment within `spread_s`."""
    outcome = Outcome()
    async with trio.open_nursery() as nursery:
        chance = random.Random(2)  # noqa: S311
        start = trio.current_time()
        for moment in sorted(chance.uniform(0, spread_s) for _ in range(count)):
            await trio.sleep_until(start + moment)
            nursery.start_soon(agent, served.port, f"/releases/{served.digest}.json", outcome)
    return outcome


async def conditional(port: int, count: int) -> None:
    """`count` requests for the pointer by one who has it, one after the other on kept connections."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    await stream.send_all(request("/current.json"))
    head, _ = await answer(stream)
    tag = head.split(b"etag: ")[1].split(b"\r\n")[0].decode()
    again = request("/current.json", f"If-None-Match: {tag}")
    for number in range(count):
        if number % 500 == 499:  # the server closes a connection after 1,000
            await stream.aclose()
            stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(again)
        head, _ = await answer(stream)
        assert b" 304 " in head[:20], head
    await stream.aclose()


def measure(
    *, agents: int = 10_000, spread_s: float = SPREAD_S, conditionals: int = 5_000, runs: int = 3, processes: int = 1
) -> list[Figure]:
    """All figures of the HTTP face. processes: that serve together when the agents come."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rates = []
    with center(1) as served:
        for _ in range(runs):
            before = served.processor_s()
            trio.run(conditional, served.port, conditionals)
            rates.append(conditionals / (served.processor_s() - before))
    with center(processes) as served:
        before, began = served.processor_s(), time.monotonic()
        outcome = trio.run(stampede, served, agents, spread_s)
        took, used = time.monotonic() - began, served.processor_s() - before
        peak = served.peak_mb()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(f"{len(outcome.seconds)} of {agents} agents done, failed: {sorted(set(outcome.failed))}", file=sys.stderr)
    times = sorted(outcome.seconds) or [PATIENCE_S]
    name = f"{agents:,} agents within {spread_s:g} s" + (f", {processes} processes" if processes > 1 else "")
    return [
        Figure(
            "center_conditional_requests", "config center: conditional requests a second of one core", "/s",
            tuple(rates), bound=1_000, at_most=False,
            note="requests for current.json with If-None-Match on kept connections ÷ the server's processor time",
        ),
        Figure(
            "center_agents_failed", f"config center: {name}, agents that did not get all", "",
            (float(len(outcome.failed)),), bound=0,
            note="each opens a connection, fetches current.json and a release of 500 items (60 kB, gzipped)",
        ),
        Figure("center_agents_s", f"config center: {name}, until the last one was done", "s", (took,)),
        Figure("center_agent_median_s", f"config center: {name}, one agent, median", "s", (times[len(times) // 2],)),
        Figure("center_agent_p99_s", f"config center: {name}, one agent, 99 %", "s", (times[len(times) * 99 // 100],)),
        Figure("center_agents_processor_s", f"config center: {name}, processor time", "s", (used,)),
        Figure("center_peak_mb", f"config center: {name}, most memory", "MB", (peak,)),
        Figure("center_release_wire_kb", "config center: pointer and release on the wire", "kB",
               (outcome.wire_bytes / max(1, len(outcome.seconds)) / 1000,)),
    ]  # fmt: skip


def main() -> int:
    """Print the figures; arguments: how many agents, within how many seconds, served by how many processes."""
    agents = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    spread_s = float(sys.argv[2]) if len(sys.argv) > 2 else SPREAD_S
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    figures = measure(agents=agents, spread_s=spread_s, processes=processes)
    for figure in figures:
        print(f"{figure.title}: {figure.median:.4g} {figure.unit}  {figure.budget}  {figure.verdict}")
    return int(any(figure.verdict == "missed" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
