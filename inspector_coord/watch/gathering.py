"""CORE. From verdicts on nodes to incidents that are told: what goes together is one event, and nothing is told twice.

Nodes that change within `gather_s` of the first are one incident, whether or not they have anything in common. Later
ones join if they are of its domain, or while a domain is visibly falling. A node is in one incident at most. A node of
an open domain incident has no events of its own: what happens to a rack happens to its nodes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from msgspec import structs

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import Agenda
from inspector_coord.watch.book import NOTHING_EXPECTED, Book
from inspector_coord.watch.conclusions import Action, Finding, Happening, Kind
from inspector_coord.watch.cuts import UNKNOWN
from inspector_coord.watch.incidents import Basis, Entry, Incident
from inspector_coord.watch.members import Members, Node
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.telling import due_at, due_now

__all__ = ["Gathering"]

WORSE: dict[Kind, tuple[Kind, ...]] = {
    Kind.GRAY: (Kind.DOWN, Kind.CUT_OFF, Kind.STALLED, Kind.FLAPPING),
    Kind.STALLED: (Kind.DOWN, Kind.CUT_OFF),
    Kind.DOWN: (Kind.CUT_OFF,),
}
"""What nodes of a domain incident may become on their own: worse than was known, or known better."""


class Gathering:
    """What becomes of findings, of nodes that are back, and of those that are no members any more."""

    def __init__(self, members: Members, settings: Settings, agenda: Agenda, first_number: int) -> None:
        self._members, self._agenda, self._hold_s = members, agenda, settings.hold_s
        self._book = Book(members, settings.place_tags, settings.gather_s, first_number)
        self.of, self.get, self.new_number, self.resume, self.direction = (
            self._book.of, self._book.get, self._book.new_number, self._book.resume, self._book.direction,
        )  # fmt: skip

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._book)

    # ---- nodes ------------------------------------------------------------------------------------------------------

    def put(
        self,
        name: str,
        finding: Finding,
        basis: Basis,
        since: float,
        now: float,
        *,
        settled: bool = False,
        assumed: bool = False,
    ) -> bool:
        """A node's finding; False where it is held back.

        settled: a flapping node has come to rest so. assumed: not it was looked at, but others of its place.
        """
        old, node = self._book.of(name), self._members.nodes[name]
        if old is not None and old.kind is finding.kind:
            self._refine(old, name, finding, basis, assumed=assumed)
            old.turned(name, now, back=False)
            self._plan(old)
            return True
        free = settled or (old is not None and old.entries[name].assumed)
        if old is not None and not (free or _may_leave(old, finding.kind)):
            old.turned(name, now, back=False)
            return False
        target = self._book.target(finding, node.tags, since)
        if old is not None:
            self._leave(old, name, now, target)
            self._agenda.put(("incident", target.number), now)  # it is known already: nothing to hold for
        self._book.enter(name, Entry(finding, basis, since, node.tags, assumed), target, now)
        self._plan(target)
        return True

    def _refine(self, one: Incident, name: str, finding: Finding, basis: Basis, *, assumed: bool) -> None:
        """The same again of a node, perhaps with better evidence."""
        entry = one.entries[name]
        if finding.direction == UNKNOWN and finding.parted == entry.finding.parted:
            finding = structs.replace(finding, direction=entry.finding.direction)  # known from when it was fresh
        one.refine(name, finding, basis)
        if not assumed:
            one.looked_at(name)

    def directed(self, one: Incident, direction: str, now: float) -> None:
        """Which way a cut is has become known."""
        for name, entry in one.entries.items():
            if entry.finding.direction == UNKNOWN:
                one.refine(name, structs.replace(entry.finding, direction=direction), entry.basis)
        self._agenda.sooner(("incident", one.number), now)

    def returned(self, name: str, now: float) -> None:
        """A node is well again; one that was never told is forgotten."""
        one = self._book.of(name)
        if one is None:
            return
        if one.told_at is None:
            self._leave(one, name, now)
        else:
            one.turned(name, now, back=True)
            self._plan(one)
        if name in self._members.nodes:
            self._members.write_off(self._members.nodes[name], off=False)

    def relapsed(self, name: str, now: float) -> None:
        """A node that was back has failed again before that was told."""
        one = self._book.of(name)
        if one is not None:
            one.turned(name, now, back=False)
            self._members.write_off(self._members.nodes[name], off=one.kind in NOTHING_EXPECTED)
            self._plan(one)

    def removed(self, name: str, why: str, now: float) -> None:
        """A node is no member any more; if it was the last of an incident, `why` is what is told."""
        one = self._book.of(name)
        if one is not None:
            if len(one.entries) == 1:
                one.closing = why
            self._leave(one, name, now)

    def retag(self, node: Node) -> None:
        """A member may have other tags than before."""
        one = self._book.of(node.name)
        if one is not None:
            one.retag(node.name, node.tags)

    def counted(self, name: str, count: int) -> None:
        """A flapping node has come or gone once more."""
        one = self._book.of(name)
        if one is not None and one.kind is Kind.FLAPPING:
            one.count = max(one.count, count)
            self._plan(one)

    def recognise(self, now: float) -> None:
        """The members are known now, those of resumed incidents among them, or not."""
        for name in self._book.recognise():
            self.removed(name, "no member of the ring any more", now)

    # ---- telling ----------------------------------------------------------------------------------------------------

    def tell(self, numbers: Iterable[int], now: float, *, busy: bool) -> list[Happening]:
        """What is to be told of the incidents that are due, and then of those whose nodes they have taken over."""
        told: list[Happening] = []
        closing: dict[int, Incident] = {}
        waiting = deque(dict.fromkeys(numbers))
        placings = len(waiting) + limits.placings_max  # what is put together here could be put apart there, for ever
        while waiting:
            one = self._book.get(waiting.popleft())
            if one is None:
                continue
            if one.entries and placings:
                placings -= 1
                waiting.extend(self._book.place(one, now))
            action = due_now(one, self._hold_s, now, busy=busy)
            if action is not None and not self._waits(one):
                if action is Action.CLOSED:
                    closing[one.number] = one
                else:
                    self._book.take_back(one)
                    told.append(one.happening(action, now))
                waiting.extend(one.sources)
                one.sources.clear()
            self._again(one, now)
        return told + [self._close(one, now) for one in closing.values()]

    def _again(self, one: Incident, now: float) -> None:
        """When to ask about it next."""
        if one.told_at is None and not one.entries:
            self._end(one)
        else:
            self._agenda.put(("incident", one.number), max(now + limits.recheck_s, due_at(one, self._hold_s)))

    def _waits(self, one: Incident) -> bool:
        """Whether its nodes are in incidents now that are not told yet: the first of them comes first."""
        heirs = [self._book.get(number) for number in one.heirs]
        return bool(heirs) and all(heir is not None and heir.told_at is None for heir in heirs)

    def _close(self, one: Incident, now: float) -> Happening:
        self._book.take_back(one)
        self._end(one)
        return one.happening(Action.CLOSED, now)

    def _end(self, one: Incident) -> None:
        self._book.end(one)
        self._agenda.drop(("incident", one.number))

    def _plan(self, one: Incident) -> None:
        self._agenda.sooner(("incident", one.number), due_at(one, self._hold_s))

    def _leave(self, one: Incident, name: str, now: float, target: Incident | None = None) -> None:
        """A node goes out of an incident, into `target` or out of all."""
        self._book.leave(name, now)
        if target is not None:
            one.gives(target)
        self._agenda.sooner(("incident", one.number), now)


def _may_leave(old: Incident, kind: Kind) -> bool:
    """Whether a node may go from one incident into one of another kind."""
    if old.kind is Kind.FLAPPING:
        return False  # not before it is still
    if old.kind is Kind.CUT_OFF and kind is Kind.DOWN and len(old.parted) > 1:
        return True  # others reach that place, and they say so
    return not old.wide or old.told_at is None or kind in WORSE.get(old.kind, ())
