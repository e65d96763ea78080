"""A lab in namespaces with `inspector watch` on it: what it says when, beside what Serf itself lists when.

All times are Unix seconds of this one machine. An event counts from when its line has been printed; a member counts as
failed from when a poll of an entry's list (ten a second) finds it so.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from time import time

import trio

from bench.fleet import BIN
from bench.namespaces import state_of
from inspector_agent.ring import RingError, connect
from inspector_coord.watch.conclusions import Action
from inspector_coord.watch.record import Record, happening_of, read_record
from inspector_coord.watch.telling_times import stamp
from inspector_coord.watch.watch_lines import line
from inspector_lab.breaking import break_nodes
from inspector_lab.hows import NO_CHOICES, Choices
from inspector_lab.layout import Layout
from inspector_lab.state import NodeRecord

POLL_S = 0.1
SETTLED_S = 15.0  # the list is read, and the first roll call is over
LINES = 80  # of a transcript
NEVER = math.inf


class Rosters:
    """What the Serf of each of some nodes lists. `since`: from when it has had a member as failed without a break."""

    def __init__(self, nodes: Iterable[NodeRecord], key: str) -> None:
        self.nodes = {node.name: node.address for node in nodes}
        self.since: dict[str, dict[str, float]] = {name: {} for name in self.nodes}
        self._key = key

    async def follow(self, name: str) -> None:
        """Poll one of them for ever; while it cannot be asked, what it has said last holds."""
        while True:
            try:
                async with connect(f"{self.nodes[name]}:7373", auth_key=self._key) as client:
                    while True:
                        members = await client.members()
                        self._take(name, {member.name for member in members if member.status == "failed"})
                        await trio.sleep(POLL_S)
            except RingError:
                await trio.sleep(1.0)

    def _take(self, name: str, failed: set[str]) -> None:
        before, now = self.since[name], time()
        self.since[name] = {member: before.get(member, now) for member in failed}

    def all_failed_at(self, name: str, members: Iterable[str]) -> float:
        """When the last of these was listed as failed; never, where one is not."""
        return max((self.since[name].get(member, NEVER) for member in members), default=NEVER)


class Scene:
    """One thing that is done to a watched ring, and all that was said of it, in the order of time."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.nodes = state_of(layout).nodes
        zones = {node.tags["zone"]: node for node in reversed(self.nodes)}
        self.entries = [zones[zone] for zone in sorted(zones)]
        self.rosters = Rosters(self.entries, layout.rpc_key.read_text().strip())
        self.told: list[tuple[float, Record]] = []
        self.story: list[tuple[float, str]] = []

    def names(self, tag: str) -> list[str]:
        """Nodes that have a tag, as "zone=c"."""
        key, _, value = tag.partition("=")
        return [node.name for node in self.nodes if node.tags[key] == value]

    def note(self, text: str, at: float | None = None) -> None:
        """Put a line into the story that the watch has not said, of this moment or of an earlier one."""
        at = time() if at is None else at
        self.story.append((at, f"{stamp(at)} # {text}"))

    def note_serf(self, entry: str, members: list[str]) -> float:
        """Put into the story when this entry had listed all of them as failed, and return it."""
        at = self.rosters.all_failed_at(entry, members)
        if at < NEVER:
            self.note(f"Serf of {entry} lists all {len(members)} as failed", at)
        return at

    async def break_(self, targets: str, how: str, choices: Choices = NO_CHOICES, *, told: bool = True) -> float:
        """What `inspector-lab break` does; when it was told to. `told`: in the story."""
        options = [f"--direction {choices.direction}"] * bool(choices.direction)
        options += [] if choices.share is None else [f"--share {choices.share:g}"]
        options += [f"--service {name}" for name in choices.services] + ["--undo"] * choices.undo
        began = time()
        if told:
            self.note(" ".join(["inspector-lab break", targets, "--how", how, *options]), began)
        await trio.to_thread.run_sync(break_nodes, self.layout, [targets], how, choices)
        return began

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until it is so; whether it was in time."""
        with trio.move_on_after(within_s):
            while not holds():  # noqa: ASYNC110 -- Serf's lists are polled, nobody tells of a change
                await trio.sleep(POLL_S / 2)
        return holds()

    async def quiet(self, within_s: float) -> bool:
        """Wait until every incident is closed, and stays so for some seconds."""

        def over() -> bool:
            return not self.open() and (not self.told or time() > self.told[-1][0] + 5)

        return await self.until(over, within_s)

    def first(self, fits: Callable[[Record], bool]) -> float:
        """When an event that fits was printed first."""
        return next((at for at, record in self.told if fits(record)), NEVER)

    def open(self) -> dict[int, Record]:
        """The last word on each incident that is not closed."""
        last = {record.incident: record for _, record in self.told}
        return {number: record for number, record in last.items() if record.action is not Action.CLOSED}

    def records(self, action: Action, after: float = 0.0) -> list[Record]:
        """Events of this kind."""
        return [record for at, record in self.told if record.action is action and at > after]

    def transcript(self) -> str:
        """The story as one reads it; of a very long one the middle is left out, and that is said."""
        told = [text for _, text in sorted(self.story, key=lambda told: told[0])]
        if (more := len(told) - LINES) > 0:
            told[LINES // 2 : -LINES // 2] = [f"         … {more} lines more …"]
        return "\n".join(told)

    async def hear(self, process: trio.Process) -> None:
        """Take what the watch prints on stdout: events."""
        assert process.stdout is not None
        async for raw, at in lines(process.stdout):
            if (record := read_record(raw)) is None:
                raise SystemExit(f"inspector watch has printed what is no event: {raw!r}")
            unix = record.at.timestamp()
            self.told.append((at, record))
            self.story.append((at, line("", happening_of(record, unix, unix), unix, stamp)))

    async def overhear(self, process: trio.Process) -> None:
        """Take what it says on stderr: of entries."""
        assert process.stderr is not None
        async for raw, at in lines(process.stderr):
            self.story.append((at, f"{stamp(at)} {raw.decode(errors='replace')}"))


async def lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[tuple[bytes, float]]:
    """Whole lines, and when they came."""
    rest = b""
    async for part in stream:
        *whole, rest = (rest + part).split(b"\n")
        for each in whole:
            yield each, time()


@asynccontextmanager
async def watched(layout: Layout) -> AsyncIterator[Scene]:
    """The real command on a lab, settled, for the length of a block; it is ended afterwards."""
    scene = Scene(layout)
    command = [str(BIN / "inspector"), "--config", str(layout.coordinator), "watch", "--json", "--no-store"]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.hear, process)
            nursery.start_soon(scene.overhear, process)
            for name in scene.rosters.nodes:
                nursery.start_soon(scene.rosters.follow, name)
            scene.note("inspector watch")
            await trio.sleep(SETTLED_S)
            if process.poll() is not None:
                raise SystemExit(f"inspector watch has ended with {process.returncode}: {scene.transcript()}")
            yield scene
            nursery.cancel_scope.cancel()
    finally:
        process.terminate()
        with trio.CancelScope(shield=True):
            await process.wait()
