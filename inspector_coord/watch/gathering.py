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
from inspector_coord.watch.cuts import UNKNOWN
from inspector_coord.watch.incidents import Basis, Entry, Incident
from inspector_coord.watch.joining import Joining
from inspector_coord.watch.members import Members, Node
from inspector_coord.watch.model import Action, Finding, Happening, Kind
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.telling import due_at, due_now

__all__ = ["Gathering"]

BASES = {
    Kind.DOWN: Basis.SERF, Kind.CUT_OFF: Basis.SERF, Kind.STALLED: Basis.SERF, Kind.GRAY: Basis.GRAY,
    Kind.FLAPPING: Basis.FLAP, Kind.LEFT: Basis.LEFT,
}  # fmt: skip

NOTHING_EXPECTED = (Kind.DOWN, Kind.LEFT)

WORSE: dict[Kind, tuple[Kind, ...]] = {
    Kind.GRAY: (Kind.DOWN, Kind.CUT_OFF, Kind.STALLED, Kind.FLAPPING),
    Kind.STALLED: (Kind.DOWN, Kind.CUT_OFF),
    Kind.DOWN: (Kind.CUT_OFF,),
}
"""What nodes of a domain incident may become on their own: worse than was known, or known better."""


class Gathering:
    """All open incidents, and which node is in which."""

    def __init__(self, members: Members, settings: Settings, agenda: Agenda, first_number: int) -> None:
        self._members, self._settings, self._agenda = members, settings, agenda
        self._number = first_number - 1
        self._open: dict[int, Incident] = {}
        self._where: dict[str, Incident] = {}
        self._joining = Joining(members.of, settings.gather_s)

    # ---- asking -----------------------------------------------------------------------------------------------------

    def of(self, name: str) -> Incident | None:
        """The incident a node is in."""
        return self._where.get(name)

    def get(self, number: int) -> Incident | None:
        """An open incident."""
        return self._open.get(number)

    def __iter__(self) -> Iterator[Incident]:
        return iter(list(self._open.values()))

    def new_number(self) -> int:
        """The number of an incident, which no other has."""
        self._number += 1
        return self._number

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
        old, node = self._where.get(name), self._members.nodes[name]
        if old is not None and old.kind is finding.kind:
            entry = old.entries[name]
            if finding.direction == UNKNOWN and finding.parted == entry.finding.parted:
                finding = structs.replace(finding, direction=entry.finding.direction)  # known from when it was fresh
            entry.finding, entry.basis = finding, basis
            if not assumed:
                old.looked_at(name)
            old.turned(name, now, back=False)
            self._plan(old)
            return True
        free = settled or (old is not None and old.entries[name].assumed)
        if old is not None and not (free or _may_leave(old, finding.kind)):
            old.turned(name, now, back=False)
            return False
        target = self._joining.find(finding, node.tags, since) or self._new(finding, since)
        target.add(name, Entry(finding, basis, since, node.tags, assumed), now)
        self._where[name] = target
        if old is not None:
            self._leave(old, name, now, target)
            self._agenda.put(("incident", target.number), now)  # it is known already: nothing to hold for
        self._plan(target)
        self._members.write_off(node, off=finding.kind in NOTHING_EXPECTED)
        return True

    def returned(self, name: str, now: float) -> None:
        """A node is well again; one that was never told is forgotten."""
        one = self._where.get(name)
        if one is None:
            return
        if one.told_at is None:
            del self._where[name]
            self._leave(one, name, now, None)
        else:
            one.turned(name, now, back=True)
            self._plan(one)
        if name in self._members.nodes:
            self._members.write_off(self._members.nodes[name], off=False)

    def relapsed(self, name: str, now: float) -> None:
        """A node that was back has failed again before that was told."""
        one = self._where.get(name)
        if one is not None:
            one.turned(name, now, back=False)
            self._members.write_off(self._members.nodes[name], off=one.kind in NOTHING_EXPECTED)
            self._plan(one)

    def removed(self, name: str, why: str, now: float, *, told: bool = False) -> None:
        """A node is no member any more; if it was the last of an incident, `why` is what is told.

        told: it is about to be told as something else, so it has to leave this one in the same word.
        """
        one = self._where.pop(name, None)
        if one is not None:
            if len(one.entries) == 1:
                one.closing = why
            self._leave(one, name, now, None)
            one.moved |= told

    def retag(self, node: Node) -> None:
        """A member may have other tags than before."""
        one = self._where.get(node.name)
        if one is not None:
            one.retag(node.name, node.tags)

    def counted(self, name: str, count: int) -> None:
        """A flapping node has come or gone once more."""
        one = self._where.get(name)
        if one is not None and one.kind is Kind.FLAPPING:
            one.count = max(one.count, count)
            self._plan(one)

    # ---- what was told before ---------------------------------------------------------------------------------------

    def take_over(self, told: Happening, now: float) -> None:
        """An incident that was open when the watcher began: it has been told."""
        one = Incident(told.number, told.kind, told.since)
        for name in told.nodes:
            if name not in self._where:
                finding = Finding(told.kind, told.evidence, told.parted, told.direction)
                one.add(name, Entry(finding, BASES[told.kind], told.since, ()), now)
                self._where[name] = one
        one.back, one.count = dict.fromkeys(told.back), told.count
        one.domain, one.of = told.domain, told.of
        one.take_over(told, now)
        self._open[one.number] = one
        self._joining.opened(one, Finding(told.kind, "", told.parted))
        self._joining.placed(one)

    def known(self, now: float) -> None:
        """The members have been read: what the nodes of such incidents are like is known now, and who is gone."""
        for name, one in list(self._where.items()):
            node = self._members.nodes.get(name)
            if node is None:
                if one.kind is not Kind.LEFT:
                    self.removed(name, "no member of the ring any more", now)
                continue
            one.retag(name, node.tags)
            entry = one.entries[name]
            if entry.basis is Basis.SERF and node.status == "alive" and one.kind is not Kind.DOWN:
                entry.basis = (
                    Basis.LINE if len(one.parted) == 2 else Basis.AGENT if one.kind is Kind.STALLED else Basis.SERF
                )
            self._members.write_off(node, off=one.kind in NOTHING_EXPECTED and not one.entries[name].back)

    # ---- telling ----------------------------------------------------------------------------------------------------

    def tell(self, numbers: Iterable[int], now: float, *, busy: bool) -> list[Happening]:
        """What is to be told of the incidents that are due: what opens before what closes by it."""
        told: list[Happening] = []
        closing: list[Incident] = []
        waiting = deque(dict.fromkeys(numbers))
        while waiting:
            one = self._open.get(waiting.popleft())
            if one is None:
                continue
            if one.entries:
                waiting.extend(self._place(one, now))
            action = due_now(one, self._settings.hold_s, now, busy=busy)
            if action is Action.CLOSED:
                closing.append(one)
            elif action is not None:
                self._take_back(one)
                told.append(one.happening(action, now))
            self._again(one, now)
        return told + [self._close(one, now) for one in closing if self._may_close(one, now)]

    def _place(self, one: Incident, now: float) -> list[int]:
        """Find its domain; where it is the second half of an older one, it goes over into that, which is returned."""
        older = self._joining.older(one) if one.present else None
        if older is not None:
            self._over(one, older, list(one.entries), now)
            one.closed_by = older.number
            return [older.number]
        one.place(self._members.of, self._settings.place_tags)
        self._joining.placed(one)
        return self._split(one, now) if one.domain else []

    def _split(self, one: Incident, now: float) -> list[int]:
        """What is not of the domain has gone by chance at the same time, and is an incident of its own.

        What has been told stays where it is, if that can be.
        """
        others = [name for name, entry in one.entries.items() if one.domain not in entry.tags]
        if not others:
            return []
        known = one.last.nodes if one.last is not None else ()
        if any(name in known for name in others) and not any(
            one.domain in one.entries[name].tags for name in known if name in one.entries
        ):
            others = [name for name in one.entries if name not in others]
        first = one.entries[others[0]]
        new = self._new(first.finding, min(one.entries[name].since for name in others))
        self._over(one, new, others, now)
        for each in (one, new):
            each.place(self._members.of, self._settings.place_tags)
            self._joining.placed(each)
        return [new.number]

    def _over(self, one: Incident, other: Incident, names: Iterable[str], now: float) -> None:
        """Nodes go over from one incident into another of the same kind."""
        for name in names:
            other.add(name, one.remove(name, now), now)
            self._where[name] = other
        one.moved = True

    def _again(self, one: Incident, now: float) -> None:
        """When to ask about it next."""
        if one.told_at is None and not one.entries:
            self._end(one)
        else:
            self._agenda.put(("incident", one.number), max(now + limits.recheck_s, due_at(one, self._settings.hold_s)))

    def _take_back(self, one: Incident) -> None:
        """Those that are back leave it with what is told now; the rest may have no domain."""
        gone = one.take_back()
        for name in gone:
            del self._where[name]
        if gone and one.entries:
            one.place(self._members.of, self._settings.place_tags)

    def _may_close(self, one: Incident, now: float) -> bool:
        """What it goes on as has to be told before."""
        target = None if one.closed_by is None else self._open.get(one.closed_by)
        if target is not None and target.told_at is None:
            self._agenda.put(("incident", one.number), now + limits.recheck_s)
            return False
        return True

    def _close(self, one: Incident, now: float) -> Happening:
        self._take_back(one)
        for name in one.entries:
            del self._where[name]
        self._end(one)
        return one.happening(Action.CLOSED, now)

    def _end(self, one: Incident) -> None:
        one.ended = True
        del self._open[one.number]
        self._agenda.drop(("incident", one.number))
        self._joining.closed(one)

    def _new(self, finding: Finding, since: float) -> Incident:
        one = Incident(self.new_number(), finding.kind, since)
        self._open[one.number] = one
        self._joining.opened(one, finding)
        return one

    def _plan(self, one: Incident) -> None:
        self._agenda.sooner(("incident", one.number), due_at(one, self._settings.hold_s))

    def _leave(self, one: Incident, name: str, now: float, target: Incident | None) -> None:
        """A node goes out of an incident, into `target` or out of all."""
        one.remove(name, now)
        one.moved |= target is not None
        if not one.entries and target is not None:
            one.closed_by = target.number
        self._agenda.sooner(("incident", one.number), now)


def _may_leave(old: Incident, kind: Kind) -> bool:
    """Whether a node may go from one incident into one of another kind."""
    if old.kind is Kind.FLAPPING:
        return False  # not before it is still
    if old.kind is Kind.CUT_OFF and kind is Kind.DOWN and len(old.parted) > 1:
        return True  # others reach that place, and they say so
    return not old.wide or old.told_at is None or kind in WORSE.get(old.kind, ())
