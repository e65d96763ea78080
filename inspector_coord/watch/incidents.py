"""CORE. One incident: its nodes, the domain that covers them, and what of it has been told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import TypeVar

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.conclusions import Action, Finding, Happening, Kind
from inspector_coord.watch.cuts import UNKNOWN
from inspector_coord.watch.domains import best_domain

__all__ = ["Basis", "Entry", "Incident", "evidence_of_one", "lasting"]


K = TypeVar("K")

# What `Incident` makes of the evidence on its first node where there are more.
_TOLD = re.compile(r"(?:\d+ back after [^,;]+, \d+ not; )?(?:(?P<name>\S+): )?(?P<evidence>.*?)(?:; \d+ more alike)?")


class Basis(Enum):
    """What a node's finding rests on, and so what ends it."""

    SERF = auto()  # until Serf lists it as alive
    AGENT = auto()  # until its inspection agent answers
    LINE = auto()  # until two places reach each other again
    GRAY = auto()  # until it is like the others
    FLAP = auto()  # until it is still
    LEFT = auto()  # until it joins, or for a while


class Entry(msgspec.Struct):
    """One node in an incident. tags: as they were when it came in; back: it is well again, which was not told yet."""

    finding: Finding
    basis: Basis
    since: float
    tags: tuple[str, ...]
    assumed: bool = False  # it was not looked at: others of its place were
    back: bool = False
    doubted: tuple[Kind, float] | None = None  # what looks have taken it for since then, if that is something else


class Incident:
    """Entries by name; those that are back stay until that is told.

    untold        nodes that were not told, since `untold_since`;  uncovered: and no domain that was told stands for one
    heirs         incidents that have taken nodes over, which was not told yet;  sources: those it has taken them from
    closing       why it ends, where not because its nodes are back
    """

    def __init__(self, number: int, kind: Kind, since: float) -> None:
        self.number, self.kind, self.since = number, kind, since
        self.entries: dict[str, Entry] = {}
        self.counts: Counter[str] = Counter()
        self._lines: Counter[tuple[str, ...]] = Counter()  # what findings name
        self._directions: Counter[str] = Counter()
        self.back: dict[str, None] = {}  # names, told or about to be
        self.absent = 0  # entries that are back
        self.joined_at = self.changed_at = since
        self.all_told()
        self.shrunk = False  # nodes that were told have gone
        self.heirs: dict[int, None] = {}
        self.sources: dict[int, None] = {}
        self.told_at: float | None = None
        self.told_size = self.told_count = self.changes = 0
        self.told_as: tuple[str, tuple[str, ...], str] = ("", (), "")
        self.domain, self.of = "", 0
        self.count = 0  # transitions of a flapping node
        self.closed_by: int | None = None
        self.closing = ""
        self.ended = self.resumed = False
        self.reviewed = 0  # how many entries were looked at again
        self.last: Happening | None = None

    @property
    def present(self) -> int:
        """How many nodes are in it that are not back."""
        return len(self.entries) - self.absent

    @property
    def wide(self) -> bool:
        """It is that of a domain, and not of some nodes."""
        return bool(self.domain) and len(self.entries) >= limits.domain_nodes_min

    @property
    def parted(self) -> tuple[str, ...]:
        """The line that most findings name."""
        return max(self._lines.items(), key=lambda pair: (pair[1], pair[0]))[0] if self._lines else ()

    @property
    def direction(self) -> str:
        """What most findings say; those that do not know count only if none knows."""
        known = [(count, word) for word, count in self._directions.items() if word != UNKNOWN]
        return max(known)[1] if known else next(iter(self._directions), "")

    def all_told(self) -> None:
        """Nobody in it is untold."""
        self.untold: dict[str, None] = {}  # names
        self.untold_since: float = NEVER
        self.uncovered: bool = False

    def add(self, name: str, entry: Entry, now: float) -> None:
        """A node joins."""
        self.entries[name] = entry
        self.absent += entry.back
        self._count(entry)
        self.back.pop(name, None)
        self.joined_at = self.changed_at = now
        if self.told_at is None:
            self.since = min(self.since, entry.since)
        self.untold[name] = None
        self.untold_since = min(self.untold_since, now)
        self.uncovered |= not self.told_as[0] or self.told_as[0] not in entry.tags

    def remove(self, name: str, now: float) -> Entry:
        """A node goes, as if it had never been in it."""
        entry = self.entries.pop(name)
        self.absent -= entry.back
        self._uncount(entry)
        self.changed_at = now
        if name not in self.untold:
            self.shrunk = True
            return entry
        del self.untold[name]
        if not self.untold:
            self.all_told()
        return entry

    def gives(self, heir: Incident) -> None:
        """Nodes go over from it into another one: both have to say so at the same moment, if it told any of them."""
        if self.shrunk:
            self.heirs[heir.number] = None
            heir.sources[self.number] = None
        if self.told_at is None:  # it will not say anything
            heir.sources.update(self.sources)
        if not self.entries:
            self.closed_by = heir.number

    def turned(self, name: str, now: float, *, back: bool) -> None:
        """A node is well again, or one that was is not any more."""
        entry = self.entries[name]
        if entry.back is not back:
            entry.back = back
            self.absent += 1 if back else -1
            self.changed_at = now

    def take_back(self) -> list[str]:
        """Those that are back go, as that is about to be told; their names."""
        gone = sorted(name for name, entry in self.entries.items() if entry.back) if self.absent else []
        for name in gone:
            self._uncount(self.entries.pop(name))
        self.back.update(dict.fromkeys(gone))
        self.absent = 0
        return gone

    def resume(self, told: Happening, now: float) -> None:
        """It was told so before the watcher began."""
        self.resumed = True
        self.back, self.count = dict.fromkeys(told.back), told.count
        self.domain, self.of = told.domain, told.of
        self.last, self.told_at, self.told_size, self.told_count = told, now, len(self.entries), told.count
        self.told_as = (told.domain, told.parted, told.direction)
        self.all_told()

    def retag(self, name: str, tags: tuple[str, ...]) -> None:
        """The tags of a node have become known."""
        entry = self.entries[name]
        if entry.tags != tags:
            self._uncount(entry)
            entry.tags = tags
            self._count(entry)

    def refine(self, name: str, finding: Finding, basis: Basis) -> None:
        """More is known of a node."""
        entry = self.entries[name]
        if entry.finding != finding:
            self._uncount(entry)
            entry.finding = finding
            self._count(entry)
        entry.basis = basis

    def looked_at(self, name: str) -> None:
        """What was assumed of a node is known now."""
        self.entries[name].assumed = False

    def place(self, of: Callable[[str], int], prefer: Iterable[str]) -> None:
        """Find its domain anew."""
        self.domain, self.of = self._covered(self.counts, len(self.entries), self.parted, of, prefer)

    def domain_with(self, other: Incident, of: Callable[[str], int], prefer: Iterable[str]) -> str:
        """The domain of both if they were one incident."""
        size = len(self.entries) + len(other.entries)
        return self._covered(self.counts + other.counts, size, self.parted or other.parted, of, prefer)[0]

    def _covered(
        self, counts: Counter[str], size: int, parted: tuple[str, ...], of: Callable[[str], int], prefer: Iterable[str]
    ) -> tuple[str, int]:
        side = parted[-1] if parted else ""
        if side and counts[side] == size:  # the side that is cut off, whoever of it was noticed
            return side, max(of(side), size)
        whole = (lambda tag: of(tag) + counts[tag]) if self.kind is Kind.LEFT else of  # who left is no member
        return best_domain(counts, size, whole, prefer)

    def happening(self, action: Action, now: float) -> Happening:
        """What is told of it now. In a closed one the nodes are those that were in it last."""
        names = set(self.entries)
        told, of = (self.domain, self.parted, self.direction), self.of
        if action is Action.CLOSED and self.last is not None:
            names.update(self.last.nodes)
            told, of = self.told_as, self.last.of
        nodes = tuple(sorted(names))
        self.last = Happening(
            number=self.number, action=action, kind=self.kind, nodes=nodes, domain=told[0], parted=told[1],
            direction=told[2], of=of, since=self.since, at=now, evidence=self._evidence(action, nodes, now),
            count=self.count, back=tuple(sorted(self.back)), closed_by=self.closed_by,
        )  # fmt: skip
        self.told_at, self.told_size, self.told_count, self.told_as = now, len(self.entries), self.count, told
        self.all_told()
        self.shrunk = False
        self.heirs.clear()
        self.changes += action is Action.CHANGED
        return self.last

    def _count(self, entry: Entry) -> None:
        self.counts.update(entry.tags)
        if entry.finding.parted:
            self._lines[entry.finding.parted] += 1
        if entry.finding.direction:
            self._directions[entry.finding.direction] += 1

    def _uncount(self, entry: Entry) -> None:
        for tag in entry.tags:
            _less(self.counts, tag)
        _less(self._lines, entry.finding.parted)
        _less(self._directions, entry.finding.direction)

    def _evidence(self, action: Action, names: tuple[str, ...], now: float) -> str:
        if action is Action.CLOSED:
            if self.closed_by is not None:
                return f"goes on as incident {self.closed_by}"
            return self.closing or f"back after {lasting(self.changed_at - self.since)}"
        if not self.entries:
            return self.closing
        if self.kind is Kind.FLAPPING and self.count:
            shown = ", ".join(names[: limits.line_places_max]) + ", …" * (len(names) > limits.line_places_max)
            return f"{shown}: {self.count} times gone or back within {lasting(now - self.since)}"
        first = self.entries[names[0]].finding.evidence
        alike = f"{names[0]}: {first}; {len(names) - 1} more alike" if len(names) > 1 else first
        gone = len(self.back)
        return f"{gone} back after {lasting(now - self.since)}, {len(names)} not; {alike}" if gone else alike


def evidence_of_one(told: Happening) -> str:
    """What the sentence that was told of an incident says of its first node, as `Incident` put it together."""
    found = _TOLD.fullmatch(told.evidence)
    if found is None or not told.nodes or found["name"] not in (None, told.nodes[0]):
        return told.evidence
    return found["evidence"]


def _less(counts: Counter[K], key: K) -> None:
    """One fewer of a key, if it is counted at all."""
    if key:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


def lasting(seconds: float) -> str:
    """A time that a person reads at a glance: 8 s, 12 min 3 s, 3 h 5 min, 2 days 4 h."""
    whole = max(0, round(seconds))
    for size, name, below, small in ((86_400, "days", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            count, rest = divmod(whole, size)
            word = "day" if name == "days" and count == 1 else name
            return f"{count} {word} {rest // below} {small}" if rest // below else f"{count} {word}"
    return f"{whole} s"
