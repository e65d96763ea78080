"""Twenty minutes of lost packets and stolen processor time, and whom `inspector watch` calls down meanwhile: nobody.

The setting is that of the Lifeguard paper (Dadgar, Phillips, Currey: Lifeguard: SWIM-ing with Situational Awareness,
2017): some members are too slow to answer in time, and so accuse others that are well. `python -m bench --only
watch-loss --write`, as root.
"""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from bench.figures import Figure, Results
from bench.namespaces import state_of
from bench.watch_scenes import NODES, accused, played, told
from bench.watched_lab import Scene, watched
from inspector_coord.fold import fold_names
from inspector_coord.watch.conclusions import Action
from inspector_lab import processes
from inspector_lab.errors import UpError
from inspector_lab.hows import Choices
from inspector_lab.layout import Layout
from inspector_lab.namespaces import cpu, making

MINUTES = 20.0
LOSS = 0.1
CPU = 0.05  # of one processor is left to a slow node, and
THIEVES = 4  # processes there want all of it
THIEF = ("sh", "-c", "while :; do :; done")
FAILED = b"serf: EventMemberFailed: "


@contextmanager
def thieves(layout: Layout, nodes: list[str]) -> Iterator[None]:
    """Processes that take processor time from these nodes, whose share of it is limited already."""
    slices = cpu.slices(making.load_world(layout).world.cable)
    if slices is None:
        raise UpError("this machine cannot limit processor time")
    started: list[subprocess.Popen[bytes]] = []
    try:
        for node in nodes:
            for _ in range(THIEVES):
                thief = processes.spawn(THIEF, Path("/dev/null"))
                started.append(thief)
                cpu.move([thief.pid], slices.folder(node))
        yield
    finally:
        for thief in started:
            thief.send_signal(signal.SIGKILL)
            thief.wait()


class SerfLogs:
    """What the Serf agents of all nodes have logged since this was made: whom each called failed."""

    def __init__(self, layout: Layout) -> None:
        self._logs = {node.name: layout.node(node.name).log("serf") for node in state_of(layout).nodes}
        self._began = {name: log.stat().st_size for name, log in self._logs.items()}

    def failed(self) -> dict[str, Counter[str]]:
        """By node: how often it called which other one failed."""
        found = {}
        for name, log in self._logs.items():
            with log.open("rb") as file:
                file.seek(self._began[name])
                words = [line.split(FAILED, 1)[1].split()[0].decode() for line in file if FAILED in line]
            found[name] = Counter(words)
        return found


async def loss(layout: Layout, *, minutes: float = MINUTES) -> Results:
    """Every packet between nodes is lost with a chance of 10 %, and one node in ten has next to no processor."""
    async with watched(layout) as scene:
        names = [node.name for node in scene.nodes]
        slow = names[4::10]
        logs = SerfLogs(layout)
        await scene.break_(fold_names(names), "loss", Choices(share=LOSS))
        await scene.break_(fold_names(slow), "slow-cpu", Choices(share=CPU))
        with thieves(layout, slow):
            scene.note(f"{THIEVES} processes on each of these take all the processor time that they get")
            await trio.sleep(60 * minutes)
        failed = logs.failed()
        scene.note(
            f"Serf of {scene.entries[0].name} has said failed {sum(failed[scene.entries[0].name].values())} times"
        )
        down, opened = accused(scene), scene.records(Action.OPENED)
        await scene.break_(fold_names(names), "heal")
    return figures(scene, slow, failed, down, Counter(str(one.kind) for one in opened), minutes)


def figures(
    scene: Scene,
    slow: list[str],
    failed: dict[str, Counter[str]],
    down: set[str],
    kinds: Counter[str],
    minutes: float,
) -> Results:
    """What they say of it."""
    first = scene.entries[0].name
    total = sum((each for each in failed.values()), Counter[str]())
    of_slow = sum(count for name, count in total.items() if name in slow)
    what = f"{minutes:g} min at 10 % loss, processor stolen from {len(slow)} of {len(scene.nodes)}; namespaces"
    note = f"{CPU:.0%} of a processor is left to each of those, and {THIEVES} busy processes there want it"
    opened = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "nothing"
    by = sum(map(bool, failed.values()))
    whom = f"{len(total)} different nodes; {of_slow} times one of the slow ones; by {by} nodes"
    return [
        Figure(
            "liveness_loss_false_down", f"{what}: nodes that watch called down", "nodes", (len(down),), 0, note=note
        ),
        Figure(
            "liveness_loss_serf_failed",
            "  `failed` events of Serf at the first entry",
            "",
            (sum(failed[first].values()),),
        ),
        Figure(
            "liveness_loss_serf_all",
            "  `failed` events in the Serf logs of all nodes",
            "",
            (sum(total.values()),),
            note=whom,
        ),
        Figure("liveness_loss_events", "  incidents opened", "", (sum(kinds.values()),), note=f"opened: {opened}"),
        told(scene, what),
    ]


def measure(*, quick: bool) -> Results:
    """Twenty minutes of it."""

    async def play(layout: Layout) -> Results:
        return await loss(layout, minutes=1 if quick else MINUTES)

    return played(play, 12 if quick else NODES)
