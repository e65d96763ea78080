"""CORE. The nodes of a ring as the watcher knows them, found by name, tag, place and address in O(1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inspector_agent.ring import Member
from inspector_coord.watch import limits

__all__ = ["Members", "Names", "Node"]


class Node:
    """One node that is a member, whether alive or failed. Slots and small numbers: there are many.

    tags      "zone=a", "rack=a1", …;  places: its values of the place tags, widest first, "zone=" where it has none
    status    as the vantage that judges lists it: alive, leaving or failed
    agent     False: it is marked as one without an inspection agent, so only acks are expected of it
    health    Serf's own score, and `minority`: its own list is one of a minority; both as it said last
    roll      the number of the last roll call it answered, `missed` how many in a row it did not
    marks     of its last looks, newest in the lowest bit: 1 where it was slow or unwell; `looks` how many there were
    listed_at  since when it is listed so
    written_off  it has been told as down: nothing is expected of it
    """

    __slots__ = (
        "address", "agent", "health", "lag_ms", "listed_at", "looks", "marks", "minority", "missed",
        "name", "places", "raw", "roll", "status", "tags", "took_s", "written_off",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.address: tuple[str, int] = ("", 0)
        self.raw: Mapping[str, str] | None = None
        self.tags: tuple[str, ...] = ()
        self.places: tuple[str, ...] = ()
        self.status = ""
        self.agent = True
        self.health = self.lag_ms = self.roll = self.missed = self.marks = self.looks = 0
        self.minority = self.written_off = False
        self.took_s = self.listed_at = 0.0

    @property
    def well(self) -> bool:
        """Whether it makes a good witness."""
        return self.health < limits.gray_health and self.missed == 0 and not self.minority

    def is_as(self, member: Member, status: str) -> bool:
        """Whether nothing of it is new."""
        return self.status == status and self.address == (member.address, member.port) and self.raw == member.tags


class Names:
    """Names of which any can be had by its place in O(1); the order is that of arrival, until one is taken out."""

    __slots__ = ("_at", "_list")

    def __init__(self) -> None:
        self._list: list[str] = []
        self._at: dict[str, int] = {}

    def add(self, name: str) -> None:
        """It belongs to them."""
        if name not in self._at:
            self._at[name] = len(self._list)
            self._list.append(name)

    def discard(self, name: str) -> None:
        """It does not, or not any more."""
        index = self._at.pop(name, None)
        if index is not None:
            last = self._list.pop()
            if last != name:
                self._list[index] = last
                self._at[last] = index

    def __len__(self) -> int:
        return len(self._list)

    def __iter__(self) -> Iterator[str]:
        return iter(self._list)

    def __getitem__(self, index: int) -> str:
        return self._list[index]


class Members:
    """All members of a ring but those that have left.

    failed  how many members with a tag are listed as failed
    """

    def __init__(self, place_tags: Sequence[str], without_agent: Mapping[str, str]) -> None:
        self.nodes: dict[str, Node] = {}
        self.everyone = Names()
        self.failed: dict[str, int] = {}
        self.failed_count = 0
        self.written_off = 0
        self._place_tags = tuple(place_tags)
        self._without_agent = dict(without_agent)
        self._tagged: dict[str, Names] = {}
        self._places: tuple[dict[str, Names], ...] = tuple({} for _ in self._place_tags)
        self._sorted: list[list[str] | None] = [None for _ in self._place_tags]
        self._at_address: dict[tuple[str, int], Names] = {}
        self._off: dict[str, int] = {}  # place -> how many there are written off
        self._texts: dict[tuple[str, str], str] = {}  # one text for a tag, however many nodes have it

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def levels(self) -> int:
        """How many place tags there are."""
        return len(self._place_tags)

    def put(self, member: Member) -> Node:
        """A member as it is listed now: new, or with other tags or another address. Its status is left alone."""
        node = self.nodes.get(member.name)
        if node is None:
            node = self.nodes[member.name] = Node(member.name)
            self.everyone.add(node.name)
        address = (member.address, member.port)
        if node.address != address:
            self._leave_address(node)
            node.address = address
            self._at_address.setdefault(address, Names()).add(node.name)
        if node.raw != member.tags:
            self._untag(node)
            self._tag(node, member.tags)
        return node

    def list_as(self, node: Node, status: str, now: float) -> None:
        """The vantage that judges lists the node so."""
        if node.status != status:
            node.listed_at = now
        change = (status == "failed") - (node.status == "failed")
        node.status = status
        if change:
            self.failed_count += change
            for tag in node.tags:
                self.failed[tag] = self.failed.get(tag, 0) + change

    def write_off(self, node: Node, *, off: bool) -> None:
        """Nothing is expected of a node that has been told as down."""
        change = off - node.written_off
        if change:
            self.written_off += change
            node.written_off = off
            for place in node.places:
                self._off[place] = self._off.get(place, 0) + change

    def remove(self, name: str) -> None:
        """It has left, or was forgotten."""
        node = self.nodes.pop(name, None)
        if node is not None:
            self.list_as(node, "", node.listed_at)
            self.write_off(node, off=False)
            self.everyone.discard(name)
            self._leave_address(node)
            self._untag(node)

    def widest_place(self, name: str) -> str:
        """Where a member stands, e.g. "zone=a"; "" where it is none, or nothing is known."""
        node = self.nodes.get(name)
        return next(iter(node.places), "") if node is not None else ""

    def of(self, tag: str) -> int:
        """How many members have a tag."""
        return len(self._tagged.get(tag, ()))

    def groups(self, level: int) -> list[str]:
        """The values of one place tag, sorted: "zone=a", …; [] where the ring has no such tag at all."""
        known = self._sorted[level]
        if known is None:
            known = self._sorted[level] = sorted(self._places[level])
        return known

    def group(self, level: int, value: str) -> Names:
        """The members at one place."""
        return self._places[level].get(value) or Names()

    def at_place(self, value: str) -> Names:
        """The members at one place, whichever place tag it is of."""
        for places in self._places:
            if value in places:
                return places[value]
        return Names()

    def narrowest(self, node: Node) -> int:
        """Up to which level its places differ: the others there are as good as one with those of the level above."""
        last = 0
        for level in range(1, self.levels):
            wide, narrow = node.places[last], node.places[level]
            expected = len(self._places[last][wide]) - self._off.get(wide, 0)
            if expected > len(self._places[level][narrow]) - self._off.get(narrow, 0):
                last = level
        return last

    def namesake(self, node: Node) -> str:
        """An alive member under another name at the very same address and port; "" where there is none."""
        for name in self._at_address.get(node.address, ()):
            other = self.nodes[name]
            if other is not node and other.status == "alive":
                return name
        return ""

    def _tag(self, node: Node, tags: Mapping[str, str]) -> None:
        node.raw = tags
        node.tags = tuple(self._text(key, value) for key, value in sorted(tags.items()))
        node.places = tuple(self._text(key, tags.get(key, "")) for key in self._place_tags)
        node.agent = not any(tags.get(key) == value for key, value in self._without_agent.items())
        for tag in node.tags:
            self._tagged.setdefault(tag, Names()).add(node.name)
            if node.status == "failed":
                self.failed[tag] = self.failed.get(tag, 0) + 1
        for level, place in enumerate(node.places):
            if place not in self._places[level]:
                self._places[level][place] = Names()
                self._sorted[level] = None
            self._places[level][place].add(node.name)
            self._off[place] = self._off.get(place, 0) + node.written_off

    def _untag(self, node: Node) -> None:
        for tag in node.tags:
            names = self._tagged[tag]
            names.discard(node.name)
            if node.status == "failed":
                self.failed[tag] -= 1
            if not names:
                del self._tagged[tag]
                self.failed.pop(tag, None)
        for level, place in enumerate(node.places):
            names = self._places[level][place]
            names.discard(node.name)
            self._off[place] = self._off.get(place, 0) - node.written_off
            if not names:
                del self._places[level][place], self._off[place]
                self._sorted[level] = None
        node.tags = node.places = ()

    def _leave_address(self, node: Node) -> None:
        names = self._at_address.get(node.address)
        if names is not None:
            names.discard(node.name)
            if not names:
                del self._at_address[node.address]

    def _text(self, key: str, value: str) -> str:
        known = self._texts.get((key, value))
        if known is None:
            if len(self._texts) >= limits.tag_texts_max:
                self._texts.clear()  # they are only shared to save memory
            known = self._texts[key, value] = f"{key}={value}"
        return known
