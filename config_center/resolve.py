"""CORE. What one node should be: the layers that match it, later over earlier, item by item, with provenance.

Which layers are for a node is a bit mask, and so are the layers that speak of an item: what they come to on an item is
their conjunction, merged once for all nodes that have it in common. Nodes with the same layers, the same values of the
variables these use, and the same waivers share one tuple of items, so that ten thousand nodes cost little more than
their different baselines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from config_center.match import NODE, Match
from config_center.merge import Merged, fill, merge, names_asked
from config_center.model import Expect, FromFile, LayerItem, Parameters, Release
from config_center.selection import Selection, bits_of
from config_center.waiving import Waiving


class Item(msgspec.Struct, frozen=True, omit_defaults=True, rename={"with_": "with"}):
    """One expectation on one node.

    number     index in the release's item table
    source     `file:line` it comes from
    overrides  sources of what it overrode or added to, nearest first
    secret     what is observed must not leave the node in clear
    from_file  operands to be read on the node: property -> matcher -> absolute path
    problem    why it cannot be checked on this node, which is an error; "" where it can
    waiver     source of the waiver for it on this node that lasts longest; waived_until: its last day
    """

    number: int
    id: str
    check: str
    key: str
    expect: Expect
    with_: Parameters
    severity: str
    timeout_s: float
    source: str
    overrides: tuple[str, ...] = ()
    title: str = ""
    rationale: str = ""
    remediation: str = ""
    remedy: str = ""
    references: tuple[str, ...] = ()
    owner: str = ""
    secret: bool = False
    from_file: FromFile = {}
    problem: str = ""
    waiver: str = ""
    waived_until: str = ""

    def is_waived(self, today: str) -> bool:
        """A failure of it is waived on this day, YYYY-MM-DD in UTC."""
        return today <= self.waived_until

    @property
    def request(self) -> dict[str, Any]:
        """What a check is told of it, by the contract of docs/checks.md: nothing but what it needs to look."""
        return {
            "id": self.id,
            "check": self.check,
            "key": self.key,
            "expect": self.expect,
            "with": self.with_,
            "timeout_s": self.timeout_s,
        }


class Baseline(msgspec.Struct, frozen=True):
    """What one node should be. items: by number; empty when no layer is for the node."""

    release_number: int
    digest: str
    node: str
    items: tuple[Item, ...]


class Step(msgspec.Struct, frozen=True):
    """One layer's word on one item of one node. source: `file:line`."""

    source: str
    item: LayerItem


class _Line:
    """An item whose texts each node has to fill. names: what they ask for; items: by the values of these."""

    __slots__ = ("items", "merged", "names", "number")

    def __init__(self, number: int, merged: Merged) -> None:
        self.number = number
        self.merged = merged
        self.names = tuple(sorted(set(merged.asked)))
        self.items: dict[tuple[str | None, ...], Item] = {}


class _Plan:
    """What the same layers come to.

    items      by number; complete where no line is open
    lines      (place among the items, what has to be filled in there)
    variables  of these layers; free: the other names, which each node has to fill by itself
    """

    __slots__ = ("free", "items", "lines", "variables")

    def __init__(self, entries: list[Item | _Line], variables: dict[str, str]) -> None:
        self.items = tuple(entry if isinstance(entry, Item) else _OPEN for entry in entries)
        self.lines = tuple((place, entry) for place, entry in enumerate(entries) if isinstance(entry, _Line))
        self.variables = variables if self.lines else {}
        self.free = tuple(sorted({name for _, line in self.lines for name in line.names} - variables.keys()))


class Resolver:
    """Resolves many nodes of one release."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._selection = Selection([Match(layer.match) for layer in release.layers])
        self._speakers = _speakers(release)
        self._entries: list[dict[int, Item | _Line | None]] = [{} for _ in release.items]  # by the layers that speak
        self._with_variables = sum(1 << index for index, layer in enumerate(release.layers) if layer.variables)
        self._plans: dict[int, _Plan] = {}
        self._items: dict[tuple[int, tuple[str | None, ...], int], tuple[Item, ...]] = {}
        self._waiving = Waiving(release)
        self._waived: dict[tuple[int, int], Item] = {}  # by the id of the item, which is kept, and the waiver
        self._asks: frozenset[str] | None = None

    @property
    def asks(self) -> frozenset[str]:
        """The traits that matter to this release, whatever the node: nothing else changes a baseline."""
        if self._asks is None:
            words = (word for layer in self._release.layers for word in layer.items.values())
            used = frozenset(name for word in words for name in names_asked(word))
            self._asks = (used | self._selection.keys | self._waiving.keys) - {NODE}
        return self._asks

    def baseline(self, name: str, traits: Mapping[str, str]) -> Baseline:
        """What the node of this name and these traits should be."""
        mask = self._selection.mask(name, traits)
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = self._plan(mask)
        values = tuple(name if free == NODE else traits.get(free) for free in plan.free)
        waivers = self._waiving.mask(name, traits)
        items = plan.items
        if plan.lines or waivers:
            known = self._items.get((mask, values, waivers))
            if known is None:
                known = self._items[mask, values, waivers] = self._complete(plan, values, waivers)
            items = known
        return Baseline(self._release.number, self._release.digest, name, items)

    def history(self, name: str, traits: Mapping[str, str], item: str) -> tuple[Step, ...]:
        """Every layer's word on one item of the node, in order, `append` and `unset` too: the last one holds.

        Empty when none has any.
        """
        mask = self._selection.mask(name, traits)
        return tuple(Step(source, word) for source, word in self._words(mask, item))

    def _words(self, mask: int, item: str) -> Iterator[tuple[str, LayerItem]]:
        """What some layers say of an item, in their order, and where."""
        for index in bits_of(mask):
            layer = self._release.layers[index]
            word = layer.items.get(item)
            if word is not None:
                yield f"{layer.file}:{word.line}", word

    def _plan(self, mask: int) -> _Plan:
        entries = []
        for speakers, known in zip(self._speakers, self._entries, strict=True):
            speaking = mask & speakers
            if speaking:
                entry = known.get(speaking)
                if entry is not None:
                    entries.append(entry)
                elif speaking not in known:
                    self._merge(mask)
                    return self._plan(mask)
        variables: dict[str, str] = {}
        for index in bits_of(mask & self._with_variables):
            variables.update((key, one.value) for key, one in self._release.layers[index].variables.items())
        return _Plan(entries, variables)

    def _merge(self, mask: int) -> None:
        """Make the entries that the layers of the mask need, and are not there."""
        for number, speakers in enumerate(self._speakers):
            speaking = mask & speakers
            known = self._entries[number]
            if not speaking or speaking in known:
                continue
            name = self._release.items[number]
            merged = merge(list(self._words(speaking, name)))
            if merged is None:
                known[speaking] = None
            elif merged.is_template:
                known[speaking] = _Line(number, merged)
            else:
                known[speaking] = _item(number, name, merged, {})

    def _complete(self, plan: _Plan, values: tuple[str | None, ...], waivers: int) -> tuple[Item, ...]:
        """The items of a plan, its lines filled in, and the waivers of a node noted."""
        items = list(plan.items)
        known = {**plan.variables, **dict(zip(plan.free, values, strict=True))}
        for place, line in plan.lines:
            mine = tuple(known[name] for name in line.names)
            item = line.items.get(mine)
            if item is None:
                asked = dict(zip(line.names, mine, strict=True))
                item = _item(line.number, self._release.items[line.number], line.merged, asked)
                line.items[mine] = item
            items[place] = item
        for place, item in enumerate(items if waivers else ()):
            waiver = self._waiving.best(item.id, waivers)
            if waiver is None:
                continue
            key = (id(item), waiver)
            if key not in self._waived:
                chosen = self._waiving.waivers[waiver]
                noted = msgspec.structs.replace(item, waiver=chosen.source, waived_until=chosen.expires)
                self._waived[key] = noted
            items[place] = self._waived[key]
        return tuple(items)


def resolve(release: Release, name: str, traits: Mapping[str, str]) -> Baseline:
    """What one node should be. For many nodes of one release, keep a Resolver."""
    return Resolver(release).baseline(name, traits)


def _speakers(release: Release) -> list[int]:
    """For every item the layers that say something of it, one bit each."""
    numbers = {item: number for number, item in enumerate(release.items)}
    speakers = [0] * len(numbers)
    for index, layer in enumerate(release.layers):
        for item in layer.items:
            speakers[numbers[item]] |= 1 << index
    return speakers


def _item(number: int, name: str, merged: Merged, values: Mapping[str, str | None]) -> Item:
    check, _, key = name.partition(":")
    body = merged.body
    expect, with_, missing = fill(merged, values)
    return Item(
        number=number,
        id=name,
        check=check,
        key=key,
        expect=expect,
        with_=with_,
        severity=body.severity,
        timeout_s=body.timeout_s,
        source=merged.sources[0],
        overrides=merged.sources[1:],
        title=body.title,
        rationale=body.rationale,
        remediation=body.remediation,
        remedy=body.remedy,
        references=body.references,
        owner=body.owner,
        secret=body.secret or bool(body.from_file),
        from_file=body.from_file,
        problem=merged.problem or missing,
    )


_OPEN: Final = Item(0, "", "", "", {}, {}, "", 0.0, "")  # stands where a line has to be filled in
