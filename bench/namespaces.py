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
from typing import NamedTuple

import trio

from bench.agent_size import memory_kb
from bench.figures import Figure, Results, Section
from bench.fleet import BIN
from inspector_agent.ring import RingClient, RingError, connect
from inspector_lab import processes
from inspector_lab.layout import Layout
from inspector_lab.state import LabState, load

POLL_S = 0.5
CUT_S = 90.0  # how long a cut lasts: what a ring has not concluded by then it concludes no more
PATIENCE_S = 180.0


class Seen(NamedTuple):
    """How one node sees the ring."""

    alive: int
    failed: int


class Ring:
    """A ring that is watched through every node of it, over the machine's own cable, which no cut takes."""

    def __init__(self, lab: LabState, layout: Layout) -> None:
        self.lab = lab
        self.layout = layout
        self.seen: dict[str, Seen] = {}

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
            serf = (await client.stats())["serf"]
            members, failed, left = (int(serf[what]) for what in ("members", "failed", "left"))
            self.seen[name] = Seen(members - failed - left, failed)
            await trio.sleep(POLL_S)

    def names(self, zone: str = "", *, outside: bool = False) -> list[str]:
        """Nodes of a zone, of all others, or all."""
        return [node.name for node in self.lab.nodes if not zone or (node.tags["zone"] == zone) != outside]

    async def break_(self, *words: str) -> None:
        """`inspector-lab break …`."""
        await trio.to_thread.run_sync(inspector_lab, "break", *words, "--dir", str(self.layout.home))

    async def until(self, names: Iterable[str], holds: Callable[[Seen], bool], within_s: float) -> list[float]:
        """Seconds after which each of these saw it so, sorted; those that did not in time are missing."""
        began, waiting, found = trio.current_time(), set(names), []
        while waiting and trio.current_time() - began < within_s:
            done = {name for name in waiting if name in self.seen and holds(self.seen[name])}
            found += [trio.current_time() - began] * len(done)
            waiting -= done
            await trio.sleep(POLL_S / 5)
        return found

    async def whole(self, within_s: float = PATIENCE_S) -> float:
        """Seconds until everybody sees everybody alive."""
        everybody = self.names()
        found = await self.until(everybody, lambda seen: seen == Seen(len(everybody), 0), within_s)
        return max(found) if len(found) == len(everybody) else float("inf")


def inspector_lab(*words: str) -> str:
    """Run the command to its end."""
    return subprocess.run([BIN / "inspector-lab", *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def lab(nodes: int) -> Iterator[tuple[Layout, float, list[float]]]:
    """A lab of three zones: where it is, seconds to come up; and a list that gets the seconds it took to end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        ended: list[float] = []
        began = time.monotonic()
        inspector_lab("up", "--namespaces", "--nodes", str(nodes), "--dir", directory)
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
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        kinds = {"serf\0agent": "serf", "namespaces.agent": "agent", "sshd": "sshd", "namespaces.keeper": "boot"}
        kind = next((kind for word, kind in kinds.items() if word in command), None)
        if kind is not None:
            found[kind] += memory_kb(pid, "Pss") / 1024 / len(state.nodes)
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
    await ring.break_(*victims, "--how", "kill")
    found = await ring.until(others, lambda seen: seen.failed >= len(victims), CUT_S)
    await ring.break_(*victims, "--how", "kill", "--undo")
    back = await ring.whole()
    return f"| kill -9 of {len(victims)} | seen failed: {said(found, len(others))} | whole again after {back:.1f} s |"


async def cut(ring: Ring, direction: str, words: str) -> str:
    """One zone of three cut off, then healed: who sees whom."""
    inside, outside = ring.names("a"), ring.names("a", outside=True)
    await ring.break_("zone=a", "--how", "cut", "--direction", direction)
    async with trio.open_nursery() as nursery:
        seen: dict[str, list[float]] = {}

        async def follow(who: str, names: list[str], holds: Callable[[Seen], bool]) -> None:
            seen[who] = await ring.until(names, holds, CUT_S)

        nursery.start_soon(follow, "outside", outside, lambda view: view.failed >= len(inside))
        nursery.start_soon(follow, "inside, of itself", inside, lambda view: view.failed >= len(inside) - 1)
        nursery.start_soon(follow, "inside, of the others", inside, lambda view: view.failed >= len(outside))
        await trio.sleep(CUT_S)
    views = [ring.seen[name].alive for name in inside if name in ring.seen]
    await ring.break_("zone=a", "--how", "heal")
    back = await ring.whole()
    told = "; ".join(
        f"{who}: {said(times, len(outside if who == 'outside' else inside))}" for who, times in seen.items()
    )
    still = f"after {CUT_S:g} s those inside list {min(views)} to {max(views)} as alive" if views else ""
    return f"| {words} | all of the other side seen failed, {told}; {still} | whole again after {back:.1f} s |"


async def watch(ring: Ring, *, quick: bool) -> list[str]:
    """All that is done to a ring, one after the other."""
    key = ring.layout.rpc_key.read_text().strip()
    lines = []
    async with trio.open_nursery() as nursery:
        for node in ring.lab.nodes:
            nursery.start_soon(ring.look, node.name, node.address, key)
        await ring.whole()
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
