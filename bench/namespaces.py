"""Labs in namespaces: how long they take to come and go, what a node costs, and how their rings see deaths and cuts.

`python -m bench --only namespaces`. The numbers in docs/lab-namespaces.md are of this.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from bench.figures import Figure, Results, Section
from bench.fleet import BIN
from bench.memory import memory_kb
from inspector_agent.ring import RingClient, RingError, connect
from inspector_lab import processes
from inspector_lab.breaking import break_nodes
from inspector_lab.hows import NO_CHOICES, Choices
from inspector_lab.layout import Layout
from inspector_lab.state import LabState, load

POLL_S = 1.0
CUT_S = 90.0  # how long a cut lasts: what a ring has not concluded by then it concludes no more
PATIENCE_S = 180.0


Failed = frozenset[str]
"""The names of those that one node sees as failed."""


class Ring:
    """A ring that is watched through every node of it, over the machine's own cable, which no cut takes."""

    def __init__(self, lab: LabState, layout: Layout) -> None:
        self.lab = lab
        self.layout = layout
        self.seen: dict[str, Failed] = {}

    async def look(self, name: str, address: str, key: str) -> None:
        """Follow one node's view, for ever; it has none while it cannot be asked."""
        while True:
            try:
                async with connect(f"{address}:7373", auth_key=key) as client:
                    await self._follow(name, client)
            except RingError:
                self.seen.pop(name, None)
                await trio.sleep(POLL_S)

    async def _follow(self, name: str, client: RingClient) -> None:
        while True:
            members = await client.members()
            self.seen[name] = frozenset(member.name for member in members if member.status == "failed")
            await trio.sleep(POLL_S)

    def names(self, zone: str = "", *, outside: bool = False) -> list[str]:
        """Nodes of a zone, of all others, or all."""
        return [node.name for node in self.lab.nodes if not zone or (node.tags["zone"] == zone) != outside]

    async def break_(self, targets: list[str], how: str, choices: Choices = NO_CHOICES) -> None:
        """What `inspector-lab break` does."""
        await trio.to_thread.run_sync(break_nodes, self.layout, targets, how, choices)

    def alive(self, names: Iterable[str]) -> str:
        """How many members these nodes count as alive."""
        counts = [len(self.lab.nodes) - len(self.seen[name]) for name in names if name in self.seen]
        return f"{min(counts)} to {max(counts)}"

    async def until(
        self, names: Iterable[str], holds: Callable[[str, Failed], bool], began: float, within_s: float = CUT_S
    ) -> list[float]:
        """Seconds after `began` at which each of these saw it so, sorted; those that did not in time are missing."""
        waiting: set[str] = set(names)
        found: list[float] = []
        while waiting and trio.current_time() - began < within_s:
            done = {name for name in waiting if name in self.seen and holds(name, self.seen[name])}
            found += [trio.current_time() - began] * len(done)
            waiting -= done
            await trio.sleep(POLL_S / 10)
        return found

    async def whole(self, began: float) -> float:
        """Seconds after `began` at which everybody sees everybody alive."""
        everybody = self.names()
        found = await self.until(everybody, lambda _, failed: not failed, began, PATIENCE_S)
        return max(found) if len(found) == len(everybody) else float("inf")


def inspector_lab(*words: str) -> str:
    """Run the command to its end, which must be a good one."""
    done = subprocess.run([BIN / "inspector-lab", *words], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"inspector-lab {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def lab(nodes: int, *options: str) -> Iterator[tuple[Layout, float, list[float]]]:
    """A lab of three zones, with more options of `up`: where it is, seconds to come up; and a list that gets the
    seconds it took to end.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        ended: list[float] = []
        began = time.monotonic()
        inspector_lab("up", "--namespaces", "--nodes", str(nodes), "--dir", directory, *options)
        up_s = time.monotonic() - began
        try:
            yield Layout(Path(directory)), up_s, ended
        finally:
            began = time.monotonic()
            inspector_lab("down", "--dir", directory)
            ended.append(time.monotonic() - began)


# --- what a node costs ------------------------------------------------------------------------------------------------


def memory(state: LabState) -> dict[str, float]:
    """MB a node, by what uses it (PSS)."""
    found = dict.fromkeys(("serf", "agent", "sshd", "boot"), 0.0)
    for pid in processes.descendants([state.keeper.pid])[1:]:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            size = memory_kb(pid, "Pss") / 1024 / len(state.nodes)
        except (FileNotFoundError, ProcessLookupError):  # a child that has done its work
            continue
        kinds = {"serf\0agent": "serf", "namespaces.agent": "agent", "sshd": "sshd", "namespaces.keeper": "boot"}
        kind = next((kind for word, kind in kinds.items() if word in command), None)
        if kind is not None:
            found[kind] += size
    return found


def free_mb() -> float:
    """Memory that is to be had, with what the kernel keeps for namespaces counted as used."""
    return float(processes.free_memory_mb())


def costs(nodes: int) -> Results:
    """A lab of so many nodes: up, what it takes, down."""
    before = free_mb()
    with lab(nodes) as (layout, up_s, ended):
        state = state_of(layout)
        parts = memory(state)
        taken = (before - free_mb()) / nodes
    each = ", ".join(f"{name} {size:.1f}" for name, size in parts.items())
    return [
        Figure(
            f"namespaces-{nodes}-up", f"{nodes} nodes in namespaces, from nothing to every agent heard", "s", (up_s,)
        ),
        Figure(f"namespaces-{nodes}-down", f"{nodes} nodes in namespaces, down", "s", tuple(ended)),
        Figure(
            f"namespaces-{nodes}-memory", "memory a node, all that is gone with it", "MB", (taken,), note=f"PSS: {each}"
        ),
    ]


def state_of(layout: Layout) -> LabState:
    """Of a lab that runs."""
    state = load(layout)
    if state is None:
        raise SystemExit(f"no lab in {layout.home}")
    return state


# --- how its ring sees ------------------------------------------------------------------------------------------------


def said(seconds: list[float], of: int) -> str:
    """First, median and last, and how many did not see it."""
    if not seconds:
        return f"by none of {of}"
    spread = f"first {seconds[0]:.1f} s, median {statistics.median(seconds):.1f} s, last {seconds[-1]:.1f} s"
    return spread if len(seconds) == of else f"{spread}, {of - len(seconds)} of {of} never"


async def death(ring: Ring, victims: list[str]) -> str:
    """kill -9 of the first processes of some nodes: when do the others see them failed."""
    others = [name for name in ring.names() if name not in victims]
    began = trio.current_time()
    await ring.break_(victims, "kill")
    found = await ring.until(others, lambda _, failed: failed >= set(victims), began)
    for name in victims:
        ring.seen.pop(name, None)  # what it saw before
    began = trio.current_time()
    await ring.break_(victims, "kill", Choices(undo=True))
    back = await ring.whole(began)
    return f"| kill -9 of {len(victims)} | seen failed: {said(found, len(others))} | whole again after {back:.1f} s |"


async def cut(ring: Ring, direction: str, words: str) -> str:
    """One zone of three cut off, then healed: who sees whom."""
    inside, outside = ring.names("a"), ring.names("a", outside=True)
    began = trio.current_time()
    await ring.break_(["zone=a"], "cut", Choices(direction=direction))
    seen: dict[str, str] = {}

    async def follow(what: str, names: list[str], holds: Callable[[str, Failed], bool]) -> None:
        seen[what] = said(await ring.until(names, holds, began), len(names))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, "outside, all of the zone", outside, lambda _, failed: failed >= {*inside})
        nursery.start_soon(follow, "inside, all others", inside, lambda _, failed: failed >= {*outside})
        nursery.start_soon(
            follow, "inside, the rest of the zone", inside, lambda us, failed: failed >= {*inside} - {us}
        )
        await trio.sleep_until(began + CUT_S)
    told = "; ".join(f"{what}: {times}" for what, times in seen.items())
    alive = [f"{where} {ring.alive(names)}" for where, names in (("outside", outside), ("inside", inside))]
    began = trio.current_time()
    await ring.break_(["zone=a"], "heal")
    back = await ring.whole(began)
    still = f"alive to a node after {CUT_S:g} s: {', '.join(alive)} of {len(ring.lab.nodes)}"
    return f"| {words} | seen failed by those {told}. {still} | whole again after {back:.1f} s |"


async def watch(ring: Ring, *, quick: bool) -> list[str]:
    """All that is done to a ring, one after the other."""
    key = ring.layout.rpc_key.read_text().strip()
    lines = []
    async with trio.open_nursery() as nursery:
        for node in ring.lab.nodes:
            nursery.start_soon(ring.look, node.name, node.address, key)
        await ring.whole(trio.current_time())
        names = ring.names()
        lines.append(await death(ring, names[-1:]))
        if not quick:
            lines.append(await death(ring, names[-10:]))
            lines.append(await cut(ring, "both", "zone cut both ways"))
            lines.append(await cut(ring, "out", "zone cannot send"))
            lines.append(await cut(ring, "in", "zone cannot hear"))
        nursery.cancel_scope.cancel()
    return lines


def measure(*, quick: bool) -> Results:
    """Costs of 60 and of 100 nodes; deaths and cuts in a ring of 60, three zones of 20."""
    results: list[Figure | Section] = []
    for nodes in (6,) if quick else (60, 100):
        results += costs(nodes)
    nodes = 6 if quick else 60
    with lab(nodes) as (layout, _, _):
        lines = trio.run(lambda: watch(Ring(state_of(layout), layout), quick=quick))
    table = "\n".join(["| fault | what the nodes see | afterwards |", "|---|---|---|", *lines])
    return [*results, Section(f"A ring of {nodes} in namespaces, profile lan", table)]
