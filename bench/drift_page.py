"""The drift report's page of a big fleet: its size, and how long a real Chromium takes until its charts are drawn.

python -m bench.drift_page docs    writes drift.png and drift-map.png, the page of the example, into that folder
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import Figure
from inspector_coord.causes import Cause
from inspector_coord.drift.document import (
    CLASSES,
    ORIGINS,
    Before,
    Counts,
    Document,
    First,
    Group,
    HappeningTold,
    Span,
    Sweeps,
    decode,
)
from inspector_coord.drift.figures import (
    Corrections,
    Coverage,
    Drifter,
    Heat,
    Long,
    NodeSetTold,
    Offender,
    Point,
    Share,
)
from inspector_coord.drift.page.html import render
from inspector_coord.fold import fold_names
from inspector_lab.browser import Browser, browser

EXAMPLE = Path(__file__).parent.parent / "tests" / "cases" / "drift" / "example.json"
NODES, ITEMS, DAYS, SEED = 10_000, 500, 30, 8
UNTIL = datetime(2026, 11, 22, 1, tzinfo=UTC)

# The most that a document holds (drift/limits.py).
GROUPS, SPANS, HAPPENINGS, POINTS, MAP_NODES, MAP_ITEMS, CELLS = 300, 20, 300, 500, 400, 60, 12_000

STATES = ["drift", "intended", "first", "unknown origin", "back", "not judged"]


def measure(*, runs: int) -> list[Figure]:
    """Size, time to make the page, and time to open it; of a document that is full to its bounds."""
    full = document()
    made, opened = [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as name, browser() as chromium:
        page = Path(name) / "drift.html"
        for _ in range(runs):
            began = time.perf_counter()
            text = render(full)
            made.append(time.perf_counter() - began)
            page.write_text(text, encoding="utf-8")
            opened.append(seconds_to_open(chromium, page))
        size_mb = page.stat().st_size / 1e6
    what = f"{DAYS} days × {NODES:,} nodes × {ITEMS} items"
    full_told = (
        f"a document at all its bounds: {GROUPS} groups, {CELLS:,} cells on a map of {MAP_NODES} × {MAP_ITEMS}, "
        f"{POINTS} sweeps, {HAPPENINGS} happenings"
    )
    opened_told = "headless Chromium, from the start of the navigation until the charts are drawn"
    return [
        Figure("drift_page_mb", f"drift report of {what} as a page", "MB", (size_mb,), 3, note=full_told),
        Figure("drift_page_open_s", "  a browser opens it", "s", tuple(opened), 1.5, note=opened_told),
        Figure("drift_page_render_s", "  the page is made", "s", tuple(made)),
    ]


def seconds_to_open(chromium: Browser, page: Path) -> float:
    """By the page's own clock, which starts with the navigation. It must open without a complaint."""
    tab = chromium.tab()
    tab.open(page)
    drawn_ms = tab.run(
        "new Promise(done => new PerformanceObserver(all => done(all.getEntries()[0].startTime))"
        ".observe({type: 'mark', buffered: true}))"
    )
    if tab.complaints:
        raise SystemExit(f"the page complains: {tab.complaints}")
    tab.close()
    return float(drawn_ms) / 1000


# ---- a document that is full to its bounds ---------------------------------------------------------------------------


def document(seed: int = SEED) -> Document:
    """The same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - the same for the same seed is what is wanted
    groups = [group(chance, number) for number in range(GROUPS)]
    shares = {
        name: [Share(value=f"{name}{number:03}", new=number, open=2, back=1, unknown=1) for number in range(50)]
        for name in ("zone", "rack", "item", "layer", "owner")
    }
    return Document(
        since=told(DAYS * 24),
        until=told(0),
        exit_code=3,
        sweeps=Sweeps(count=DAYS * 288, whole=DAYS * 288 - 3, first=told(DAYS * 24), last=told(0.1)),
        nodes=NODES,
        summary=Counts(new=4000, flapping=300, open=9000, back=50_000, unknown=200),
        origins={origin: Counts(new=800, flapping=60, open=1800, back=10_000, unknown=40) for origin in ORIGINS},
        groups=groups,
        groups_left=900,
        deviations_left=4000,
        by=shares,
        by_left=dict.fromkeys(shares, 10),
        compliance=points(chance),
        corrections=Corrections(count=50_000, mean_s=51_480, median_s=43_200),
        offenders=[Offender(node=node(number), openings=300 - number, items=9) for number in range(20)],
        drifters=[Drifter(item=item(number), openings=3000 - number, nodes=900) for number in range(20)],
        coverage=coverage(chance),
        heat=heat(chance),
        happenings=[happening(chance, number) for number in range(HAPPENINGS)],
        notes=["3 sweeps asked only some nodes or items: they confirm only what they asked for"],
    )


def told(hours_ago: float) -> str:
    """RFC 3339."""
    return f"{UNTIL - timedelta(hours=hours_ago):%Y-%m-%dT%H:%M:%SZ}"


def node(number: int) -> str:
    return f"node{number:05}.zone-b.example"


def item(number: int) -> str:
    return f"sysctl:net.ipv4.conf.interface{number:03}.accept_redirects"


def some_nodes(chance: random.Random, count: int) -> str:
    return fold_names(node(number) for number in chance.sample(range(NODES), count))


def group(chance: random.Random, number: int) -> Group:
    """The first are wide and new, as a document orders them."""
    count = max(2, 1000 // (number + 1))
    spans = [
        Span(opened=told(hours), confirmed=told(hours - 9), closed=told(hours - 10), count=1)
        for hours in sorted((chance.uniform(11, DAYS * 24) for _ in range(SPANS)), reverse=True)
    ]
    nodes = some_nodes(chance, count)
    return Group(
        id=f"g{number}", class_=CLASSES[number * len(CLASSES) // GROUPS], origin=ORIGINS[number % len(ORIGINS)],
        item=item(number), outcome="fail", severity=("critical", "major", "minor", "info")[number % 4],
        expected="at_most 10 and at_least 2 and a multiple of 2", observed=f"value {number} of the kernel's own choice",
        source="layers/20-network-of-zone-b.yml:77", layer="layers/20-network-of-zone-b.yml", owner="network team",
        release=14, nodes=nodes, count=count, unknown=some_nodes(chance, 3), unknown_count=3,
        opened=spans[0].opened, newest=spans[-1].opened, confirmed=spans[-1].confirmed, openings=SPANS,
        ended={"pass": 12, "waived": 1}, first=First(node=node(number), at=spans[0].opened),
        causes=[Cause(f"rack=b{each}", 0.9, 0.8) for each in range(3)],
        before=[
            Before(kind="reboot", at=told(20), text="rebooted by the night's own job", nodes=some_nodes(chance, 9),
                   count=9, seconds_before=300 * each)
            for each in range(3)
        ],
        spans=spans,
    )  # fmt: skip


def points(chance: random.Random) -> list[Point]:
    """A share of half a percent fails, some are unknown."""
    found = []
    for number in range(POINTS):
        judged = NODES - chance.randrange(40)
        found.append(
            Point(
                at=told(DAYS * 24 * (1 - number / POINTS)), sweep=f"{chance.getrandbits(64):016x}", nodes=NODES,
                nodes_judged=judged, nodes_pass=judged - chance.randrange(30, 90), items_judged=judged * ITEMS,
                items_pass=judged * ITEMS - 200,
            )
        )  # fmt: skip
    return found


def coverage(chance: random.Random) -> Coverage:
    gone = NodeSetTold(nodes=some_nodes(chance, 60), count=60)
    long = [Long(nodes=some_nodes(chance, 5), count=5, state="down", since=told(24 * each)) for each in range(20)]
    return Coverage(unknown=gone, never=gone, long=long)


def heat(chance: random.Random) -> Heat:
    shown = sorted(chance.sample(range(NODES), MAP_NODES))
    pairs = sorted(divmod(pair, MAP_ITEMS) for pair in chance.sample(range(MAP_NODES * MAP_ITEMS), CELLS))
    opened = int(UNTIL.timestamp())
    return Heat(
        nodes=[node(number) for number in shown],
        items=[item(number) for number in range(MAP_ITEMS)],
        states=STATES,
        cells=[
            (at, which, chance.randrange(len(STATES)), which, opened - chance.randrange(2_000_000))
            for at, which in pairs
        ],
        unknown=[(at, "down", told(24)) for at in range(0, MAP_NODES, 20)],
        nodes_left=3000,
        items_left=200,
        cells_left=9000,
    )


def happening(chance: random.Random, number: int) -> HappeningTold:
    kind = ("release", "reboot", "kernel", "package", "operation", "down")[number % 6]
    nodes = some_nodes(chance, 30)
    return HappeningTold(kind=kind, at=told(2 * number), text=f"{kind} {number}", who="deploy", nodes=nodes, count=30)


def pictures(folder: Path) -> None:
    """What a reader sees first of the example, and its map."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, browser() as chromium:
        page = Path(name) / "drift.html"
        page.write_text(render(decode(EXAMPLE.read_bytes())), encoding="utf-8")
        tab = chromium.tab(1280, 1625)
        tab.open(page)
        (folder / "drift.png").write_bytes(tab.picture())
        tab.resize(1280, 480)
        tab.run("document.getElementById('map').closest('section').scrollIntoView()")
        (folder / "drift-map.png").write_bytes(tab.picture())


if __name__ == "__main__":
    pictures(Path(sys.argv[1]))
