"""What `inspector watch` says of deaths in a real ring: how long after Serf, how often, and in which words.

`python -m bench --only watch-kill watch-rack watch-flaps --write`, as root. The transcripts become
docs/liveness-transcripts.md. `python -m bench.watch_play DIR kill` plays one scene in a lab that runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple

import trio

from bench.figures import Figure, Results, Section
from bench.namespaces import lab
from bench.watched_lab import NEVER, Scene, watched
from inspector_coord.fold import fold_names
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.record import Record
from inspector_lab.hows import Choices
from inspector_lab.layout import Layout

PAGE = "liveness-transcripts"
NODES = 100
CROWD = ("--rack-size", "b1=40")  # one rack of 40 of 100; zone c has 24
UNDO = Choices(undo=True)
FOUND_S = 60.0  # Serf takes 8 to 20 s: what is not named by then is taken as never
BACK_S = 150.0
FLAPS, FLAP_S = 30, 10.0


def bounded(seconds: float) -> float:
    """What never came, as a number that no budget has."""
    return min(seconds, 999.0)


def is_down(record: Record) -> bool:
    """Whether it says of nodes that they are down."""
    return record.kind is Kind.DOWN


def accused(scene: Scene) -> set[str]:
    """Who was ever called down."""
    return {name for _, record in scene.told if is_down(record) for name in record.nodes}


def accuses(scene: Scene, names: Iterable[str]) -> bool:
    """Whether all of these were."""
    return {*names} <= accused(scene)


def named_at(scene: Scene, names: Iterable[str], fits: Callable[[Record], bool]) -> float:
    """When the last of these was in an event that fits."""
    return max(first_named(scene, name, fits) for name in names)


def first_named(scene: Scene, name: str, fits: Callable[[Record], bool]) -> float:
    """When it was in an event that fits first."""
    return scene.first(lambda record: fits(record) and name in record.nodes)


def told(scene: Scene, title: str) -> Section:
    """Its transcript."""
    return Section(title, f"```\n{scene.transcript()}\n```", page=PAGE)


class Back(NamedTuple):
    """How it ended: seconds until nothing was open, and how many events told of that, or of something new.

    Both are NEVER where nothing was told: what was never said to be broken cannot be said to be well.
    """

    seconds: float
    events: float


async def healed(scene: Scene, targets: str) -> Back:
    """Heal all that these nodes have."""
    began = await scene.break_(targets, "heal")
    over = await scene.quiet(BACK_S)
    last = max((at for at, _ in scene.told), default=began)
    after = [record for at, record in scene.told if at > began]
    events = [one for one in after if one.closed_by is None and one.action is not Action.CHANGED]
    if not events:
        return Back(NEVER, NEVER)
    return Back(last - began if over else NEVER, len(events))


# --- deaths -----------------------------------------------------------------------------------------------------------


async def kill(layout: Layout, *, runs: int, share: int = 10) -> Results:
    """kill -9 of one node in ten, none of them an entry."""
    serf_s, named_s, evidence_s, back_s, wrong = [], [], [], [], 0
    for _ in range(runs):
        async with watched(layout) as scene:
            victims = [node.name for node in scene.nodes][share - 1 :: share]
            began = await scene.break_(fold_names(victims), "kill")
            await scene.until(partial(accuses, scene, victims), FOUND_S)
            serf = scene.note_serf(scene.entries[0].name, victims)
            suspected = min(at for since in scene.rosters.since.values() for at in since.values())
            evidence_s.append(bounded(scene.first(is_down) - suspected))
            serf_s.append(bounded(serf - began))
            named_s.append(bounded(named_at(scene, victims, is_down) - serf))
            wrong += len(accused(scene) - {*victims})
            back_s.append(bounded((await healed(scene, fold_names(victims))).seconds))
    what = f"kill -9 of {len(victims)} of {len(scene.nodes)}, namespaces"
    return [
        Figure("liveness_kill_serf_s", f"{what}: Serf of the first entry lists all as failed", "s", tuple(serf_s)),
        Figure(
            "liveness_kill_named_s", "  then until watch has named the last of them as down", "s", tuple(named_s), 2
        ),
        Figure("liveness_kill_evidence_s", "  Serf's first word until witnesses' evidence", "s", tuple(evidence_s), 2),
        Figure("liveness_kill_wrong", "  others that are called down", "nodes", (wrong,), 0),
        Figure("liveness_kill_back_s", "  power on until all are told to be back", "s", tuple(back_s)),
        told(scene, what),
    ]


async def rack(layout: Layout, *, name: str = "b1") -> Results:
    """A rack loses power, and has it again after a minute."""
    async with watched(layout) as scene:
        victims = scene.names(f"rack={name}")
        began = await scene.break_(f"rack={name}", "kill")
        await scene.until(partial(accuses, scene, victims), FOUND_S)
        await trio.sleep(60)
        serf = scene.note_serf(scene.entries[0].name, victims)
        opened, changed = scene.records(Action.OPENED), scene.records(Action.CHANGED)
        named = named_at(scene, victims, is_down) - serf
        back = await healed(scene, f"rack={name}")
    what = f"power off of a rack of {len(victims)} of {len(scene.nodes)}, namespaces"
    return [
        Figure(
            "liveness_rack_events",
            f"{what}: incidents opened",
            "",
            (len(opened),),
            1,
            note=f"opened: {kinds_of(opened)}",
        ),
        Figure("liveness_rack_changed", "  told again with more nodes", "", (len(changed),)),
        Figure("liveness_rack_serf_s", "  Serf of the first entry lists all as failed", "s", (bounded(serf - began),)),
        Figure("liveness_rack_named_s", "  then until watch has named the last of them", "s", (bounded(named),)),
        Figure("liveness_rack_back_events", "  events that tell of the end", "", (bounded(back.events),), 1),
        Figure("liveness_rack_back_s", "  power on until that is told", "s", (bounded(back.seconds),)),
        told(scene, what),
    ]


async def flaps(layout: Layout, *, times: int = FLAPS) -> Results:
    """The Serf agent of one node crashes and starts again, every ten seconds, or as fast as Serf sees it."""
    async with watched(layout) as scene:
        victim, first = scene.nodes[-1].name, scene.entries[0].name
        seen, began = 0, trio.current_time()
        crash, start = (Choices(services=("serf",), undo=undo) for undo in (False, True))
        for turn in range(times):
            await trio.sleep_until(began + turn * FLAP_S)
            await scene.break_(victim, "kill", crash, told=turn == 0)
            seen += await scene.until(lambda: victim in scene.rosters.since[first], FOUND_S)
            await scene.break_(victim, "kill", start, told=turn == 0)
            await scene.until(lambda: victim not in scene.rosters.since[first], FOUND_S)
            scene.note(f"{turn + 1} of {times} times: Serf of {first} had it as failed, and has it back")
        took = trio.current_time() - began
        opened = scene.records(Action.OPENED)
        counted = max((record.count for _, record in scene.told), default=0)
    what = f"one of {len(scene.nodes)} nodes, its Serf killed and started {times} times in {took:.0f} s, namespaces"
    its = [one for one in opened if victim in one.nodes and one.incident not in gone_on(scene)]
    note = f"opened: {kinds_of(opened)}; the count told last is {counted}; profile local, which sees a death in 5 s"
    return [
        Figure("liveness_flap_events", f"{what}: incidents of it", "", (len(its),), 1, note=note),
        Figure("liveness_flap_others", "  other incidents", "", (len(opened) - len(its),)),
        Figure("liveness_flap_seen", "  times that Serf had it as failed", "", (seen,)),
        told(scene, what),
    ]


def gone_on(scene: Scene) -> set[int]:
    """Incidents that are told to go on as another one."""
    return {record.incident for _, record in scene.told if record.closed_by is not None}


def kinds_of(opened: Iterable[Record]) -> str:
    """What was opened, in words."""
    return "; ".join(f"{one.kind} {one.domain or fold_names(one.nodes)} {one.direction}".strip() for one in opened)


# --- the parts of `make bench` ----------------------------------------------------------------------------------------


def played(play: Callable[[Layout], Awaitable[Results]], nodes: int, *options: str) -> Results:
    """A scene in a lab of its own."""
    with lab(nodes, *options) as (layout, _, _):
        return trio.run(play, layout)


def measure_kill(*, quick: bool) -> Results:
    """Deaths of one in ten."""

    async def play(layout: Layout) -> Results:
        return await kill(layout, runs=1 if quick else 5)

    return played(play, 12 if quick else NODES)


def measure_rack(*, quick: bool) -> Results:
    """Power off of a rack of forty."""
    return played(rack, 12, "--rack-size", "b1=4") if quick else played(rack, NODES, *CROWD)


def measure_flaps(*, quick: bool) -> Results:
    """A node that comes and goes."""

    async def play(layout: Layout) -> Results:
        return await flaps(layout, times=5 if quick else FLAPS)

    return played(play, 12 if quick else 30, "--profile", "local")
