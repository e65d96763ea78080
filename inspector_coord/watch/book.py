"""CORE. The book of open incidents: which there are, and which node is in which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inspector_coord.watch.conclusions import Finding, Happening, Kind
from inspector_coord.watch.incidents import Basis, Entry, Incident, evidence_of_one
from inspector_coord.watch.joining import Joining
from inspector_coord.watch.members import Members

__all__ = ["NOTHING_EXPECTED", "Book"]

BASES = {
    Kind.DOWN: Basis.SERF, Kind.CUT_OFF: Basis.SERF, Kind.STALLED: Basis.SERF, Kind.GRAY: Basis.GRAY,
    Kind.FLAPPING: Basis.FLAP, Kind.LEFT: Basis.LEFT,
}  # fmt: skip

NOTHING_EXPECTED = (Kind.DOWN, Kind.LEFT)
"""Nodes in such incidents do not count when it is asked whether a vantage hears the majority."""


class Book:
    """Open incidents by number, and by the node that is in them: one at most."""

    def __init__(self, members: Members, place_tags: Sequence[str], gather_s: float, first_number: int) -> None:
        self._members, self._place_tags = members, place_tags
        self._number = first_number - 1
        self._open: dict[int, Incident] = {}
        self._where: dict[str, Incident] = {}
        self._joining = Joining(members.of, place_tags, gather_s)

    def of(self, name: str) -> Incident | None:
        """The incident a node is in."""
        return self._where.get(name)

    def get(self, number: int) -> Incident | None:
        """An open incident."""
        return self._open.get(number)

    def direction(self, parted: tuple[str, ...]) -> str:
        """What the open incident of this line says of its direction, "" where there is none."""
        one = self._joining.on_line(parted)
        return "" if one is None else one.direction

    def __iter__(self) -> Iterator[Incident]:
        return iter(list(self._open.values()))

    def new_number(self) -> int:
        """The number of an incident, which no other has."""
        self._number += 1
        return self._number

    def target(self, finding: Finding, tags: Sequence[str], since: float) -> Incident:
        """The open incident that a node with this finding belongs to, or a new one."""
        return self._joining.find(finding, tags, since) or self._new(finding, since)

    def enter(self, name: str, entry: Entry, one: Incident, now: float) -> None:
        """A node comes into an incident."""
        one.add(name, entry, now)
        self._where[name] = one
        self._members.write_off(self._members.nodes[name], off=one.kind in NOTHING_EXPECTED)

    def leave(self, name: str, now: float) -> None:
        """A node goes out of its incident."""
        self._where.pop(name).remove(name, now)

    def end(self, one: Incident) -> None:
        """It is open no more."""
        for name in one.entries:
            del self._where[name]
        one.ended = True
        del self._open[one.number]
        self._joining.closed(one)

    def take_back(self, one: Incident) -> None:
        """Those that are back leave it, now that this is told; the rest may have no domain, or another."""
        gone = one.take_back()
        for name in gone:
            del self._where[name]
        if gone and one.entries:
            one.place(self._members.of, self._place_tags)
            if any(one.domain not in entry.tags for entry in one.entries.values()):
                one.domain, one.of = "", 0  # each by its name: who is no part of it is put apart later

    def place(self, one: Incident, now: float) -> list[int]:
        """Find the domain of an incident. The numbers of others that have more nodes by that, or fewer.

        Where it is the second half of an older one, it goes over into that. What is not of its domain goes out of it.
        """
        older = self._joining.older(one) if one.present else None
        if older is not None:
            self._over(one, older, list(one.entries), now)
            return [older.number]
        self._placed(one)
        return self._gathered(one, now) + self._split(one, now) if one.domain else []

    def _placed(self, one: Incident) -> None:
        one.place(self._members.of, self._place_tags)
        self._joining.placed(one)

    def _gathered(self, one: Incident, now: float) -> list[int]:
        """What went with the domain was told without it, as nobody knew."""
        found = self._joining.strays(one)
        for other, names in found:
            self._over(other, one, names, now)
            self._placed(other)
        if found:
            self._placed(one)
        return [other.number for other, _ in found]

    def _split(self, one: Incident, now: float) -> list[int]:
        """What is not of the domain has gone at the same time by chance, and is an incident of its own.

        What has been told stays where it is, if that can be.
        """
        inside = {name for name, entry in one.entries.items() if one.domain in entry.tags}
        others = [name for name in one.entries if name not in inside]
        if not others:
            return []
        told = set(one.last.nodes if one.last is not None else ())
        if told.isdisjoint(inside) and not told.isdisjoint(others):
            others = sorted(inside)
        new = self._new(one.entries[others[0]].finding, min(one.entries[name].since for name in others))
        self._over(one, new, others, now)
        self._placed(one)
        self._placed(new)
        return [new.number]

    def _over(self, one: Incident, other: Incident, names: Iterable[str], now: float) -> None:
        """Nodes go over from one incident into another of the same kind."""
        for name in names:
            other.add(name, one.remove(name, now), now)
            self._where[name] = other
        one.gives(other)

    def _new(self, finding: Finding, since: float) -> Incident:
        one = Incident(self.new_number(), finding.kind, since)
        self._open[one.number] = one
        self._joining.opened(one, finding)
        return one

    # ---- what was told before ---------------------------------------------------------------------------------------

    def resume(self, told: Happening, now: float) -> None:
        """An incident that was open, and had been told, when the watcher began."""
        finding = Finding(told.kind, evidence_of_one(told), told.parted, told.direction)
        one = Incident(told.number, told.kind, told.since)
        for name in told.nodes:
            if name not in self._where:
                one.add(name, Entry(finding, BASES[told.kind], told.since, ()), now)
                self._where[name] = one
        one.resume(told, now)
        self._open[one.number] = one
        self._joining.opened(one, finding)
        self._joining.placed(one)

    def recognise(self) -> list[str]:
        """The members are known now: give the nodes of resumed incidents their tags. Those that are no members."""
        strangers = []
        for name, one in self._where.items():
            node = self._members.nodes.get(name)
            if node is not None:
                one.retag(name, node.tags)
                entry = one.entries[name]
                if one.resumed and node.status == "alive" and len(one.parted) == 2:
                    entry.basis = Basis.LINE
                elif one.resumed and node.status == "alive" and one.kind in (Kind.STALLED, Kind.CUT_OFF):
                    entry.basis = Basis.AGENT
                self._members.write_off(node, off=one.kind in NOTHING_EXPECTED and not entry.back)
            elif one.kind is not Kind.LEFT:
                strangers.append(name)
        for one in self._open.values():
            one.resumed = False
        return strangers
