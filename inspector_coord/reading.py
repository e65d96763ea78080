"""CORE. All answers of a sweep read with the item tables of their releases, and who evaluated which item."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from config_center.release import Release, Waiver
from config_center.resolve import Baseline, Item, Resolver
from inspector_agent.tally import basis_of, selected
from inspector_coord.causes import TagCounts, count_tags
from inspector_coord.ledger import Key, Node
from inspector_coord.verdict import Finding, Worth, findings_of, worth_of

__all__ = ["Evaluated", "Reader"]


class _Looked(NamedTuple):
    """What one node was to look at. ids and basis are of the items asked for."""

    baseline: Baseline
    ids: frozenset[str]
    basis: bytes


class Reader:
    """Turns answers into findings, by the baselines of their nodes. Each is resolved once, however often it is read."""

    def __init__(
        self,
        releases: Mapping[bytes, Release],
        patterns: Sequence[str],
        resolvers: Mapping[bytes, Resolver] | None = None,
    ) -> None:
        """`releases` that can be read, by the prefix of their digest; `resolvers` of those that are made already."""
        self._releases = dict(releases)
        self._patterns = patterns
        self._resolvers = dict(resolvers or {})
        self._waivers: dict[bytes, dict[str, Waiver]] = {}
        self._shared: dict[int, tuple[tuple[Item, ...], frozenset[str], bytes]] = {}
        self._looked: dict[Key, _Looked] = {}

    def learn(self, past: Mapping[bytes, Release]) -> None:
        """Releases of the past, to read stale answers with."""
        for prefix, release in past.items():
            self._releases.setdefault(prefix, release)

    @property
    def releases(self) -> Mapping[bytes, Release]:
        """Those that can be read, by the prefix of their digest."""
        return self._releases

    def baseline(self, node: Node) -> Baseline:
        """What the release that the node is judged by wants of it, all items."""
        return self._look(node).baseline

    def basis(self, node: Node) -> bytes:
        """What an answer of this node must name as its basis, if its agent knows it by the traits known here."""
        return self._look(node).basis

    def findings(self, node: Node) -> tuple[Finding, ...]:
        """What an answer says is wrong or waived; () where there is none, or it is about a release not at hand."""
        answer = node.answer
        release = None if answer is None else self._releases.get(answer.release)
        if answer is None or release is None or not (answer.failing or answer.erring or answer.waived):
            return ()
        if answer.release == node.wants:
            baseline = self.baseline(node)
        else:
            baseline = self._resolver(answer.release).baseline(node.name, node.traits)
        return findings_of(answer, release.items, baseline, self._waivers_of(answer.release))

    def evaluated(self, nodes: Iterable[Node]) -> Evaluated:
        """The nodes with a verdict on the release they are judged by, by the items they looked at."""
        looked: dict[frozenset[str], list[Node]] = defaultdict(list)
        for node in nodes:
            if node.answer is not None and worth_of(node.answer, node.wants) >= Worth.INCOMPLETE:
                looked[self._look(node).ids].append(node)
        return Evaluated(looked)

    def _look(self, node: Node) -> _Looked:
        known = self._looked.get(node.key)
        if known is None:
            baseline = self._resolver(node.wants).baseline(node.name, node.traits)
            known = self._looked[node.key] = _Looked(baseline, *self._asked(baseline.items))
        return known

    def _asked(self, items: tuple[Item, ...]) -> tuple[frozenset[str], bytes]:
        """Ids and basis of the items asked for; nodes with the same layers share them."""
        known = self._shared.get(id(items))
        if known is None:
            asked = selected(items, self._patterns)
            known = (items, frozenset(item.id for item in asked), basis_of(asked))
            self._shared[id(items)] = known  # keeps `items` alive, and with it its id
        return known[1:]

    def _resolver(self, prefix: bytes) -> Resolver:
        resolver = self._resolvers.get(prefix)
        if resolver is None:
            resolver = self._resolvers[prefix] = Resolver(self._releases[prefix])
        return resolver

    def _waivers_of(self, prefix: bytes) -> Mapping[str, Waiver]:
        """The waivers of a release by the line they stand in."""
        if prefix not in self._waivers:
            self._waivers[prefix] = {waiver.source: waiver for waiver in self._releases[prefix].waivers}
        return self._waivers[prefix]


class Evaluated:
    """Who evaluated what, for precision and recall. A node on which an item does not apply counts as not failing."""

    def __init__(self, looked: Mapping[frozenset[str], Sequence[Node]]) -> None:
        self._classes = [
            (items, len(nodes), count_tags(node.tags for node in nodes)) for items, nodes in looked.items()
        ]
        self._tags = {node.key: node.tags for nodes in looked.values() for node in nodes}
        self._known: dict[str, tuple[Counter[tuple[str, str]], int]] = {}

    def tags(self, nodes: Iterable[Key]) -> TagCounts:
        """The tags of some nodes, counted."""
        return count_tags(self._tags.get(key, {}) for key in nodes)

    def of(self, item: str, without: Collection[Key] = ()) -> tuple[TagCounts, int]:
        """(tags, number) of the nodes that evaluated an item; `without`: those among them that could not."""
        if item not in self._known:
            counts: Counter[tuple[str, str]] = Counter()
            nodes = 0
            for items, size, tags in self._classes:
                if item in items:
                    counts.update(tags)
                    nodes += size
            self._known[item] = (counts, nodes)
        counts, nodes = self._known[item]
        return (counts - Counter(self.tags(without)), nodes - len(without)) if without else (counts, nodes)
