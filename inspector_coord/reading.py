"""CORE. All answers of a sweep read with the item tables of their releases, and who evaluated which item."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from config_center.release import Release
from config_center.resolve import Baseline, Item, Resolver
from inspector_agent.tally import basis_of, selected
from inspector_agent.wire import Answer
from inspector_coord.causes import TagCounts, count_tags
from inspector_coord.ledger import Key, Node
from inspector_coord.verdict import Finding, Worth, findings_of, worth_of

__all__ = ["Evaluated", "Reader"]


class Reader:
    """Turns answers into findings. `releases`: those that can be read, by the prefix of their digest."""

    def __init__(self, releases: Mapping[bytes, Release], asked: bytes, patterns: Sequence[str]) -> None:
        self._releases = releases
        self._asked = asked
        self._patterns = patterns
        self._resolvers = {prefix: Resolver(release) for prefix, release in releases.items()}
        self._selected: dict[int, tuple[tuple[Item, ...], frozenset[str], bytes]] = {}

    def release_of(self, answer: Answer) -> Release | None:
        """The release an answer is about, if it is at hand."""
        return self._releases.get(answer.release)

    def baseline(self, node: Node) -> Baseline:
        """What the release asked for wants of a node, all items."""
        return self._resolvers[self._asked].baseline(node.name, node.tags)

    def findings(self, node: Node) -> tuple[Finding, ...]:
        """What an answer says fails and errs; () where there is none, or it is about a release that is not at hand."""
        answer = node.answer
        release = None if answer is None else self.release_of(answer)
        if answer is None or release is None or not (answer.failing or answer.erring):
            return ()
        baseline = self._resolvers[answer.release].baseline(node.name, node.tags)
        return findings_of(answer, release.items, baseline)

    def evaluated(self, nodes: Iterable[Node]) -> Evaluated:
        """The nodes with a verdict on the release asked for, by the items they looked at."""
        looked: dict[frozenset[str], list[Node]] = defaultdict(list)
        for node in nodes:
            if node.answer is not None and worth_of(node.answer, self._asked) >= Worth.INCOMPLETE:
                looked[self._items(node)[1]].append(node)
        return Evaluated(looked)

    def basis(self, node: Node) -> bytes:
        """What an answer of this node must name as its basis, if its agent knows it by the tags of the roster."""
        return self._items(node)[2]

    def _items(self, node: Node) -> tuple[tuple[Item, ...], frozenset[str], bytes]:
        """The baseline of a node, with ids and basis of the items asked for; nodes with the same layers share them."""
        items = self.baseline(node).items
        known = self._selected.get(id(items))
        if known is None:
            asked = selected(items, self._patterns)
            known = (items, frozenset(item.id for item in asked), basis_of(asked))
            self._selected[id(items)] = known  # keeps `items` alive, and with it its id
        return known


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
