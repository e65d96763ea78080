"""What `inspector watch` says of a zone that is cut off, and what the zone's own Serf agents list meanwhile.

`python -m bench --only watch-cuts --write`, as root.
"""

from __future__ import annotations

import statistics
from time import time

import trio

from bench.figures import Figure, Results
from bench.watch_scenes import CROWD, NODES, accused, bounded, healed, kinds_of, named_at, played, told
from bench.watched_lab import NEVER, POLL_S, Scene, watched
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.record import Record
from inspector_lab.hows import Choices
from inspector_lab.layout import Layout

CUT_S = 90.0
WORDS = {"both": "both ways", "in": "cannot hear", "out": "cannot send"}


class Minority:
    """What the entry inside of a cut lists as failed, in seconds after the cut: of all others, and of its own zone."""

    def __init__(self, scene: Scene, entry: str, inside: list[str], began: float) -> None:
        since = scene.rosters.since[entry]
        self.others = sorted(at - began for name, at in since.items() if name not in inside)
        self.own = len(since.keys() & {*inside})
        self.of = len(scene.nodes) - len(inside)

    def words(self) -> str:
        """As one reads it."""
        own = f"of its own zone {self.own}"
        if not self.others:
            return f"it lists none of {self.of} as failed, {own}"
        first, middle, last = self.others[0], statistics.median(self.others), self.others[-1]
        when = f"the first after {first:.0f} s, the middle one after {middle:.0f} s, the last after {last:.0f} s"
        return f"it lists {len(self.others)} of {self.of} as failed, {own}; {when}"


async def cut(layout: Layout, direction: str, *, zone: str = "c") -> Results:
    """One zone is cut off for 90 s, then healed."""
    async with watched(layout) as scene:
        inside = scene.names(f"zone={zone}")
        here, there = scene.entries[0].name, next(one.name for one in scene.entries if one.name in inside)
        began = await scene.break_(f"zone={zone}", "cut", Choices(direction=direction))
        serf = NEVER
        while time() < began + CUT_S:
            serf = min(serf, scene.rosters.all_failed_at(here, inside))  # the zone may come and go there meanwhile
            await trio.sleep(POLL_S)
        if serf < NEVER:
            scene.note(f"Serf of {here} lists all {len(inside)} as failed", serf)
        minority = Minority(scene, there, inside, began)
        scene.note(f"Serf of {there}, inside: {minority.words()}")
        opened = scene.records(Action.OPENED)
        named = scene.first(lambda record: is_right(record, zone, direction)) - serf
        whole = named_at(scene, inside, lambda record: is_right(record, zone, direction)) - serf
        down = accused(scene)
        back = await healed(scene, f"zone={zone}")
    how = "both ways" if direction == "both" else f"one way, it {WORDS[direction]}"
    what = f"a zone of {len(inside)} of {len(scene.nodes)} cut off, {how}; namespaces"
    key = f"liveness_cut_{direction}"
    listed = "  others that the entry inside lists as failed by then"
    return [
        Figure(f"{key}_serf_s", f"{what}: Serf of the first entry lists it", "s", (bounded(serf - began),)),
        Figure(
            f"{key}_named_s",
            "  then until cut and direction are named",
            "s",
            (bounded(named),),
            3,
            note=kinds_of(opened),
        ),
        Figure(f"{key}_whole_s", "  then until all of its nodes are in that", "s", (bounded(whole),)),
        Figure(f"{key}_false_down", "  nodes called down", "nodes", (len(down),), 0),
        Figure(f"{key}_back_events", "  events that tell of the end", "", (bounded(back.events),), 1),
        Figure(f"{key}_back_s", "  healed until that is told", "s", (bounded(back.seconds),)),
        Figure(f"{key}_minority", listed, "nodes", (len(minority.others),), note=minority.words()),
        told(scene, what),
    ]


def is_right(record: Record, zone: str, direction: str) -> bool:
    """Whether it names this cut, and its direction."""
    right = record.domain == f"zone={zone}" and record.direction == WORDS[direction]
    return record.kind is Kind.CUT_OFF and right


async def cuts(layout: Layout) -> Results:
    """All three, one after the other."""
    return [result for way in WORDS for result in await cut(layout, way)]


def measure(*, quick: bool) -> Results:
    """Cuts of a zone, both ways and each one way."""
    return played(cuts, 12) if quick else played(cuts, NODES, *CROWD)
