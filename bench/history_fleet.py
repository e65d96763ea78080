"""A fleet that drifts, drawn from a seed: what each of its sweeps finds, as events, and as the report of the last one.

Every sweep asks all nodes for all items. Deviations open and close at a rate; nodes go down and come back, reboot; a
release now and then changes one item for one rack, which then fails there until it is put right.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from config_center.release import Layer, LayerItem, Release, build
from config_center.terms import Term

BEGAN = 1_770_000_000.0
RACK = 40  # nodes
STATES = ("pass", "fail", "error", "uncovered", "stale", "stalled", "silent", "down", "left")
SOURCE = "layers/00-fleet.yml:7"


@dataclass(slots=True, eq=False)
class Open:
    """A deviation that stands."""

    number: int
    node: int
    item: int
    outcome: str
    origin: str
    release: int
    expected: str
    observed: str
    first: str
    opened: int
    seen: int
    changes: int = 0


@dataclass(slots=True)
class Step:
    """What one sweep finds to be other than the one before. turned: (deviation, whether its value is another)."""

    sweep: int
    at: float
    release: Release
    opened: list[Open] = field(default_factory=list)
    closed: list[Open] = field(default_factory=list)
    turned: list[tuple[Open, bool]] = field(default_factory=list)
    lost: list[tuple[int, str]] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    judged_by: list[int] = field(default_factory=list)
    rebooted: list[int] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)


class Fleet:
    """The same fleet for the same arguments."""

    def __init__(self, nodes: int, items: int, *, every_s: float, hourly: float, seed: int) -> None:
        self.nodes, self.items, self.every_s = nodes, items, every_s
        self.names = [f"n{index:05d}" for index in range(1, nodes + 1)]
        self.item_names = [f"sysctl:net.item{index:03d}" for index in range(items)]
        self.racks = [f"r{index // RACK:03d}" for index in range(nodes)]
        self.tags = [f'{{"rack":"{rack}","zone":"{"abc"[index % 3]}"}}' for index, rack in enumerate(self.racks)]
        self.releases: dict[int, Release] = {}
        self.booted = [BEGAN - 86_400.0 * (1 + index % 50) for index in range(nodes)]
        self.held = [0] * nodes  # the release each was judged by last
        self.away: dict[int, tuple[str, int]] = {}  # node -> state, the sweep it comes back in
        self.open: list[Open] = []
        self._places: dict[int, int] = {}  # number of a deviation -> where it stands in `open`
        self._of: list[dict[int, Open]] = [{} for _ in range(nodes)]
        self._failing, self._erring = [0] * nodes, [0] * nodes
        self._changed: list[tuple[int, str, int]] = []  # release, rack, item
        self._limits: dict[tuple[str, int], str] = {}
        self._random = random.Random(seed)  # noqa: S311 -- a seed draws the same fleet again
        self._turnover = nodes * items * hourly * every_s / 3600
        self._numbers = 0
        self._sweep = 0
        self._publish()

    def steps(self, sweeps: int, release_every: int) -> Iterator[Step]:
        """One sweep after the other."""
        for sweep in range(1, sweeps + 1):
            self._sweep = sweep
            if sweep > 1 and sweep % release_every == 0:
                self._publish()
            step = Step(sweep, BEGAN + (sweep - 1) * self.every_s, self.releases[max(self.releases)])
            self._come_and_go(step)
            self._adopt(step)
            self._drift(step)
            step.sums = self._sums()
            yield step

    def report(self) -> dict[str, Any]:
        """The report of the last sweep."""
        at = datetime.fromtimestamp(BEGAN + (self._sweep - 1) * self.every_s, UTC).isoformat()
        release, sums = self.releases[max(self.releases)], self._sums()
        return {
            "schema": "inspector.sweep/1",
            "sweep": f"{self._sweep:016x}",
            "started": at,
            "seconds": 2.0,
            "release": {"number": release.number, "digest": release.digest},
            "ledger": {"targets": self.nodes, **{state: sums[state] for state in STATES}},
            "nodes": [self._entry(node) for node in range(self.nodes)],
            "dropped": {},
            "exit_code": 3 if self.away else 1,
        }

    # ---- events -----------------------------------------------------------------------------------------------------

    def _publish(self) -> None:
        """A release; all but the first change one item for one rack."""
        number = max(self.releases, default=0) + 1
        layers = list(self.releases[number - 1].layers) if self.releases else [self._base()]
        if self.releases:
            rack, item = self._random.choice(self.racks), self._random.randrange(self.items)
            words = {self.item_names[item]: _word(3, number)}
            layers.append(Layer(f"rack-{number}", f"layers/50-{number}.yml", {"rack": Term(any=(rack,))}, words))
            self._changed.append((number, rack, item))
            self._limits[rack, item] = f"at_most {100 - number}"
        self.releases[number] = build(layers, [], number=number, created="2026-01-01T00:00:00Z")

    def _base(self) -> Layer:
        words = {name: _word(line, 1) for line, name in enumerate(self.item_names, start=7)}
        return Layer("fleet", "layers/00-fleet.yml", {}, words)

    def _come_and_go(self, step: Step) -> None:
        for node in [node for node, (_, back) in self.away.items() if back <= step.sweep]:
            del self.away[node]
            step.back.append(node)
        back = set(step.back)
        for _ in range(step.sweep > 1 and round(self.nodes / 10_000 + self._random.random())):
            node = self._random.randrange(self.nodes)
            if node in self.away or node in back:
                continue
            state = self._random.choice(["down", "silent", "stalled"])
            self.away[node] = (state, step.sweep + self._random.randint(1, 200))
            step.lost.append((node, state))
            for one in self._of[node].values():
                one.seen = max(one.seen, step.sweep - 1)
        node = self._random.randrange(self.nodes)
        if step.sweep > 1 and node not in self.away and self._random.random() < 0.3:
            self.booted[node] = step.at - 100
            step.rebooted.append(node)

    def _adopt(self, step: Step) -> None:
        """Who is judged by another release than the last time, and what that one asks of it anew."""
        number = step.release.number
        if number == min(self.held):
            return
        for node, held in enumerate(self.held):
            if held == number or node in self.away:
                continue
            step.judged_by.append(node)
            for changed, rack, item in self._changed if held else ():
                if changed <= held or rack != self.racks[node]:
                    continue
                if item not in self._of[node]:
                    self._begin(step, node, item, "intended")
                elif self._of[node][item].expected != self._limits[rack, item]:
                    self._of[node][item].expected = self._limits[rack, item]
                    step.turned.append((self._of[node][item], False))
            self.held[node] = number

    def _drift(self, step: Step) -> None:
        draw = self._random
        busy = {(one.node, one.item) for one in step.opened} | {(one.node, one.item) for one, _ in step.turned}
        first = step.sweep == 1
        closings = 0 if first else self._drawn(0.48)
        openings = round(0.003 * self.nodes * self.items) if first else self._drawn(0.48)
        for _ in range(min(closings, len(self.open))):
            one = draw.choice(self.open)
            if one.node not in self.away and (one.node, one.item) not in busy:
                self._end(step, one)
                busy.add((one.node, one.item))
        for _ in range(openings):
            node, item = draw.randrange(self.nodes), int(draw.random() ** 2 * self.items)
            if node not in self.away and item not in self._of[node] and (node, item) not in busy:
                self._begin(step, node, item, "first" if first else "drift")
                busy.add((node, item))
        for _ in range(0 if first else self._drawn(0.04)):
            one = draw.choice(self.open)
            if one.node not in self.away and (one.node, one.item) not in busy:
                one.observed, one.changes = self._value(one.item, other=one.observed), one.changes + 1
                step.turned.append((one, True))
                busy.add((one.node, one.item))

    def _drawn(self, share: float) -> int:
        return int(share * self._turnover + self._random.random())

    def _begin(self, step: Step, node: int, item: int, origin: str) -> None:
        self._numbers += 1
        outcome = "error" if self._random.random() < 0.03 else "fail"
        expected = self._limits.get((self.racks[node], item), "at_most 10")
        value, sweep = self._value(item), step.sweep
        one = Open(
            self._numbers, node, item, outcome, origin, step.release.number, expected, value, value, sweep, sweep
        )
        self._places[one.number] = len(self.open)
        self.open.append(one)
        self._of[node][item] = one
        (self._erring if outcome == "error" else self._failing)[node] += 1
        step.opened.append(one)

    def _end(self, step: Step, one: Open) -> None:
        place, last = self._places.pop(one.number), self.open.pop()
        if last is not one:
            self.open[place], self._places[last.number] = last, place
        del self._of[one.node][one.item]
        (self._erring if one.outcome == "error" else self._failing)[one.node] -= 1
        if one.node not in step.back:
            one.seen = step.sweep - 1
        step.closed.append(one)

    def _value(self, item: int, other: str = "") -> str:
        while True:
            rare = self._random.random() < 0.05
            value = f"sha256 {self._random.getrandbits(128):032x}" if rare else f"{item} {self._random.randrange(100)}"
            if value != other:
                return value

    # ---- the report -------------------------------------------------------------------------------------------------

    def _sums(self) -> dict[str, int]:
        """The ledger, and the outcomes of items on judged nodes."""
        failing = erring = fails = errors = 0
        for node, (fail, error) in enumerate(zip(self._failing, self._erring, strict=True)):
            if (fail or error) and node not in self.away:
                failing += fail > 0
                erring += fail == 0
                fails += fail
                errors += error
        states = [state for state, _ in self.away.values()]
        judged = self.nodes - len(states)
        return {
            **dict.fromkeys(STATES, 0),
            **{state: states.count(state) for state in ("down", "silent", "stalled")},
            "pass": judged - failing - erring, "fail": failing, "error": erring, "items_fail": fails,
            "items_error": errors, "items_pass": judged * self.items - fails - errors,
        }  # fmt: skip

    def _entry(self, node: int) -> dict[str, Any]:
        rack, zone = self.racks[node], "abc"[node % 3]
        entry: dict[str, Any] = {"name": self.names[node], "ring": "main", "tags": {"rack": rack, "zone": zone}}
        if node in self.away:
            return {**entry, "state": self.away[node][0], "findings": [], "evidence": "no word"}
        fails, errors = self._failing[node], self._erring[node]
        return {
            **entry,
            "state": "fail" if fails else "error" if errors else "pass",
            "findings": [
                {
                    "item": self.item_names[one.item], "outcome": one.outcome, "expected": one.expected,
                    "observed": one.observed, "source": SOURCE, "severity": "major", "message": "",
                }
                for one in self._of[node].values()
            ],
            "evidence": "",
            "counts": {"pass": self.items - fails - errors, "fail": fails, "error": errors, "na": 0, "waived": 0},
            "clock_offset_s": 0.0,
            "vitals": {"booted": round(self.booted[node]), "disk": 40},
        }  # fmt: skip


@cache
def _word(line: int, number: int) -> LayerItem:
    """What a layer says of an item: another limit in every release."""
    return LayerItem(line, {"value": {"at_most": 10 if number == 1 else 100 - number}}, {}, "major", 2.0)
