"""What was measured, as tables of Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ClusterShell.NodeSet import NodeSet

from bench.peers.usage import Looked, Resident


@dataclass
class Way:
    """One way to look at the nodes: `peer` with its version, `how`, the looks measured, what it needs on a node."""

    key: str
    peer: str
    how: str
    looks: list[Looked]
    resident: Resident
    nodes: int

    @property
    def title(self) -> str:
        """For figures and the picture."""
        return f"{self.peer}, {self.how}"

    @property
    def seconds(self) -> float:
        """Median wall seconds."""
        return statistics.median(look.seconds for look in self.looks)

    @property
    def processor_s(self) -> float:
        """Median processor seconds, both sides."""
        return statistics.median(look.processor_s for look in self.looks)

    @property
    def row(self) -> str:
        """One line of the table of costs."""
        walls = [look.seconds for look in self.looks]
        asker = statistics.median(look.asker_s for look in self.looks)
        nodes = statistics.median(look.nodes_s for look in self.looks)
        return (
            f"| {self.peer} | {self.how} | **{self.seconds:.3g}** | {min(walls):.3g} – {max(walls):.3g} | {len(walls)} "
            f"| {asker:.2g} | {nodes:.2g} | {self.resident.pss_mb:.3g} | {self.resident.rss_mb:.3g} "
            f"| {self.resident.idle_percent:.2g} |"
        )


@dataclass
class Broken:
    """What one command said about nodes that were killed and nodes that hang. said: node -> word, "" is an answer."""

    peer: str
    how: str
    look: Looked
    said: dict[str, str]
    others: int
    killed: Sequence[str]
    hung: Sequence[str]
    bad: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.bad = {*self.killed, *self.hung}

    @property
    def row(self) -> str:
        """One line of the table of faults."""
        answered = sum(1 for node, word in self.said.items() if not word and node not in self.bad)
        blamed = sorted(node for node, word in self.said.items() if word and node not in self.bad)
        others = f"{answered} of {self.others}" + (f", wrongly blamed: {NodeSet.fromlist(blamed)}" if blamed else "")
        end = "did not end, interrupted" if self.look.exit is None else f"exit {self.look.exit}"
        killed, hung = word_of(self.killed, self.said), word_of(self.hung, self.said)
        return f"| {self.peer} | {self.how} | {killed} | {hung} | {others} | {self.look.seconds:.3g} s | {end} |"


def word_of(nodes: Sequence[str], said: Mapping[str, str]) -> str:
    """What was said of these nodes, those with the same word together."""
    by_word: dict[str, list[str]] = {}
    for node in nodes:
        word = said.get(node)
        by_word.setdefault("*not named*" if word is None else f"“{word}”" if word else "*answered*", []).append(node)
    if len(by_word) == 1:
        return next(iter(by_word))
    return "; ".join(f"{NodeSet.fromlist(some)}: {word}" for word, some in by_word.items())


def costs(ways: Sequence[Way]) -> list[str]:
    """The table of time, processor time and memory."""
    return [
        "| who | how | time, s | spread | runs | CPU asker, s | all nodes, s | PSS a node, MB | RSS | idle, % core |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *[way.row for way in ways],
    ]


def faults(broken: Sequence[Broken]) -> list[str]:
    """The table of what each says about broken nodes."""
    return [
        "| who | how | 3 killed | 2 that hang | the others: answered | after | |",
        "|---|---|---|---|---|---|---|",
        *[one.row for one in broken],
    ]
