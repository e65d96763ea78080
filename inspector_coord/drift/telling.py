"""CORE. A folded group told in full: its nodes, its times, what it is put down to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from inspector_coord.drift import limits
from inspector_coord.drift.attributing import Events, Tags, before
from inspector_coord.drift.codes import decoded
from inspector_coord.drift.document import First, Group, Span
from inspector_coord.drift.folding import Folded, Member, Members
from inspector_coord.drift.period import told
from inspector_coord.fold import fold_names

__all__ = ["Teller"]


class Teller(msgspec.Struct, frozen=True):
    """What is needed to tell a group: texts and times by id, names, owners, and what happened."""

    texts: Mapping[int, str]
    at: Mapping[int, float]
    name: Callable[[int], str]
    item: Callable[[int], str]
    owner: Callable[[str], str]
    tags: Tags
    events: Events
    window: float

    def group(self, number: int, one: Folded, members: Members) -> Group:
        """One group of the document."""
        code, item = decoded(one.code), self.item(one.item)
        source = self.texts[one.source]
        unknown = [member.node for member in members.told if member.unknown]
        seen = {member.node: self.at[member.opened] for member in members.told}
        earliest = min(members.told, key=lambda member: (self.at[member.opened], self.name(member.node)))
        return Group(
            id=f"g{number + 1}", class_=code.class_, origin=code.origin, item=item,
            outcome="error" if code.outcome == "error" else "fail", severity=code.severity,
            expected=self.texts[one.expected], observed=self.texts[one.observed], values=one.values, source=source,
            layer=source.rpartition(":")[0] or source, owner=self.owner(item), release=one.release,
            nodes=fold_names(map(self.name, seen)), count=one.count, nodes_left=one.count - len(seen),
            unknown=fold_names(map(self.name, unknown)), unknown_count=one.unknown,
            opened=told(self.at[one.opened]), newest=told(self.at[one.newest]),
            confirmed=told(self.at[one.confirmed]), closed=told(self.at[one.closed]) if one.closed else None,
            ended=dict(members.ended),
            openings=one.openings, first=First(node=self.name(earliest.node), at=told(self.at[earliest.opened])),
            causes=self.tags.causes(members.nodes),
            before=before(seen, one.item, code.origin, self.events, self.window, self.name),
            spans=self._spans(members.told),
        )  # fmt: skip

    def _spans(self, members: Sequence[Member]) -> list[Span]:
        """When the deviations of the group began and ended, those of most nodes first."""
        alike: dict[tuple[int, int], list[Member]] = defaultdict(list)
        for member in members:
            alike[member.opened, member.closed].append(member)
        widest = sorted(alike.items(), key=lambda one: (-len(one[1]), -one[0][0], one[0][1]))[: limits.spans_max]
        return [
            Span(
                opened=told(self.at[opened]),
                confirmed=told(max(self.at[member.confirmed] for member in several)),
                closed=told(self.at[closed]) if closed else None,
                count=len(several),
            )
            for (opened, closed), several in widest
        ]

    def sweeps_of(self, one: Folded, members: Members) -> set[int]:
        """Sweeps whose times telling this group takes."""
        return {one.opened, one.newest, one.confirmed, one.closed}.union(
            *((member.opened, member.confirmed, member.closed) for member in members.told)
        )
