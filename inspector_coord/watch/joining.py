"""CORE. Which open incident a node belongs to, and which two incidents turn out to be one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.incidents import Incident

__all__ = ["Joining"]


class Joining:
    """The open incidents that others may join: the last ones of each kind, and those with a domain or a line."""

    def __init__(self, of: Callable[[str], int], place_tags: Sequence[str], gather_s: float) -> None:
        self._of, self._place_tags, self._gather_s = of, place_tags, gather_s
        self._recent: dict[Kind, deque[Incident]] = {kind: deque(maxlen=limits.recent_incidents) for kind in Kind}
        self._domains: dict[tuple[Kind, str], Incident] = {}  # looked at with care: it may have another domain by now
        self._lines: dict[tuple[str, ...], Incident] = {}

    def opened(self, one: Incident, finding: Finding) -> None:
        """An incident was made, with this finding for its first."""
        self._recent[one.kind].append(one)
        if finding.parted:
            self._lines[finding.parted] = one

    def placed(self, one: Incident) -> None:
        """Its domain is known now, or another."""
        if one.domain:
            self._domains[one.kind, one.domain] = one

    def closed(self, one: Incident) -> None:
        """Nobody joins it any more."""
        if one in self._recent[one.kind]:
            self._recent[one.kind].remove(one)
        self._domains = {key: known for key, known in self._domains.items() if known is not one}
        self._lines = {line: known for line, known in self._lines.items() if known is not one}

    def on_line(self, parted: tuple[str, ...]) -> Incident | None:
        """The open incident of this line."""
        one = self._lines.get(parted)
        return None if one is None or one.ended else one

    def find(self, finding: Finding, tags: Sequence[str], since: float) -> Incident | None:
        """The incident for a node with this finding and these tags, None: a new one."""
        one = self.on_line(finding.parted)
        if one is not None:
            return one
        for tag in tags:
            one = self._domains.get((finding.kind, tag))
            if one is not None and not one.ended and one.domain == tag and self._same_line(one, finding):
                return one
        for one in reversed(self._recent[finding.kind]):
            if self._same_line(one, finding) and (
                abs(since - one.since) <= self._gather_s or self._falling(one, tags, since)
            ):
                return one
        return None

    def older(self, one: Incident) -> Incident | None:
        """An older incident that is the beginning of this one: together they have a domain, that of most of each.

        It is the domain that the two would be told as, or else what had gone over would be put apart again at once.
        """
        if not any(self._leads(one, tag) and hits >= limits.domain_nodes_min for tag, hits in one.counts.items()):
            return None
        for other in self._recent[one.kind]:
            if other is one or other.number > one.number or one.since - other.since > limits.merge_s:
                continue
            if other.parted and one.parted and other.parted != one.parted:
                continue
            domain = one.domain_with(other, self._of, self._place_tags)
            if domain and self._leads(one, domain) and self._leads(other, domain):
                return other
        return None

    def strays(self, one: Incident) -> list[tuple[Incident, list[str]]]:
        """Nodes of the domain of an incident that went shortly before or after it, in incidents without a domain."""
        return [
            (other, [name for name, entry in other.entries.items() if one.domain in entry.tags])
            for other in self._recent[one.kind]
            if not other.domain
            and other.counts[one.domain]
            and abs(one.since - other.since) <= limits.merge_s
            and (other.parted == one.parted or not other.parted)
        ]

    def _leads(self, one: Incident, tag: str) -> bool:
        """Whether most nodes of an incident have this tag."""
        return 0 < one.counts[tag] >= limits.domain_recall_min * len(one.entries)

    def _same_line(self, one: Incident, finding: Finding) -> bool:
        """Cuts with different lines are different incidents."""
        return finding.kind is not Kind.CUT_OFF or not finding.parted or one.parted in ((), finding.parted)

    def _falling(self, one: Incident, tags: Sequence[str], since: float) -> bool:
        """Whether the node is of a domain of which a good part has gone just now."""
        if since > one.joined_at + self._gather_s:
            return False
        led = (tag for tag in tags if self._leads(one, tag) and one.counts[tag] >= limits.domain_nodes_min)
        return any(one.counts[tag] >= limits.falling_share * self._of(tag) for tag in led)
