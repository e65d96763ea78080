"""CORE. The ledger: every node that was to be asked, what is known of it, and in the end exactly one state for each.

Nothing is decided here about when to ask or to close; that is `rounds`. Times are seconds since the first question.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from config_center.traits import traits_of
from inspector_agent.wire import Answer
from inspector_coord.evidence import OTHER_ITEMS, Evidence
from inspector_coord.verdict import State, Worth, state_of, worth_of

__all__ = ["DROPPED", "GONE", "OTHER_ITEMS", "Booking", "Key", "Ledger", "Node"]

Key = tuple[str, str]
"""(ring, node name): names are unique within a ring only."""

GONE = ("left", "leaving")
"""Member statuses by which a node says itself that it goes."""

DROPPED = ("duplicate", "phantom", "socket", "stranger", "late", "malformed", "forged", "entry")
"""What was heard and is no verdict, as the report counts it; `entry`: by the entry's Serf, its channels being full."""

NO_FACTS: Mapping[str, str] = {}

WAITING = "waiting"
"""The tally's word for a node that may still answer."""


class Booking(enum.Enum):
    """What an answer did to the ledger."""

    NEW = "new"
    BETTER = "better"
    DUPLICATE = "duplicate"


_NEW = Booking.NEW  # looked up once, not 50,000 times a second


@dataclass(slots=True, eq=False)
class Node:
    """One node of the roster and the evidence about it. `state` and `evidence` are set when the ledger is closed.

    wants   prefix of the digest of the release that it should be judged by; b"": the ledger's
    facts   those that the config center knows and the releases ask about
    seen    RFC 3339, when the config center was told these facts; "" where nobody asks for facts, or none are known
    """

    ring: str
    name: str
    address: str
    tags: Mapping[str, str]
    status: str  # alive, failed, leaving, left: the newest word of membership
    status_s: float = 0.0
    asked: int = 0
    acked_s: float | None = None
    answer: Answer | None = None
    answered_s: float | None = None
    round: int | None = None
    malformed: int = 0
    state: State | None = None
    evidence: str = ""
    wants: bytes = b""
    facts: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)
    seen: str = ""

    @property
    def traits(self) -> dict[str, str]:
        """What layers match it by: its tags in the ring, and its facts."""
        return traits_of(self.tags, self.facts)

    @property
    def key(self) -> Key:
        """How the ledger names this node."""
        return (self.ring, self.name)


class Ledger:
    """All nodes of one sweep over all rings, and what was dropped on the way."""

    def __init__(self, nodes: Iterable[Node], release: bytes, words: Evidence | None = None) -> None:
        """`release`: the prefix of the digest asked for; a node that `wants` another one says so.

        `words`: what is known for the evidence. Raises ValueError where a node stands twice.
        """
        listed = list(nodes)
        for node in listed:
            node.wants = node.wants or release
        self.nodes: dict[Key, Node] = {node.key: node for node in listed}
        if len(self.nodes) != len(listed):
            raise ValueError("a node stands twice in the roster")
        self.release = release
        self._words = words or Evidence()
        self.dropped: Counter[str] = Counter(dict.fromkeys(DROPPED, 0))
        self.closed_s: float | None = None
        self._tally: Counter[str] = Counter(self._word(node) for node in listed)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def tally(self) -> dict[str, int]:
        """How many nodes are in which state now; `waiting` for those that may still answer. Sums to all nodes."""
        return {word: count for word in (*State, WAITING) if (count := self._tally[word])}

    def acked(self, node: Node, at_s: float) -> None:
        """The node's Serf agent has acknowledged a question."""
        if node.acked_s is None:
            node.acked_s = at_s

    def answered(self, node: Node, answer: Answer, at_s: float, round_number: int) -> Booking:
        """Book an answer. A complete verdict stays; anything else is replaced by what is worth more, or newer.

        Newer is the answer to a later question: the same packet twice, or one that was overtaken, changes nothing.
        """
        before = self._word(node)
        booking = _NEW
        if node.answer is not None:
            old, new = worth_of(node.answer, node.wants), worth_of(answer, node.wants)
            if old is Worth.VERDICT or new < old or (new == old and round_number <= (node.round or 0)):
                self.dropped["duplicate"] += 1
                return Booking.DUPLICATE
            booking = Booking.BETTER
        node.answer, node.answered_s, node.round = answer, at_s, round_number
        self._tally[before] -= 1
        self._tally[state_of(answer, node.wants)] += 1
        return booking

    def membership(self, node: Node, status: str, at_s: float) -> None:
        """Membership was read again. A node that is not listed any more keeps its status: see `rounds`."""
        self._tally[self._word(node)] -= 1
        if node.status != status:
            node.status = status
            node.status_s = at_s
        self._tally[self._word(node)] += 1

    def close(self, at_s: float, basis: Callable[[Node], bytes] | None = None) -> Counter[State]:
        """Give every node its one state, and the evidence for it. Returns how many are in which; sums are asserted.

        `basis` says which items a node should have looked at (`Answer.basis`). Who passes by others has not passed.
        """
        for node in self:
            node.state = _final(node)
            node.evidence = self._words.of(node, node.state, at_s)
            if basis is not None and _by_other_items(node, basis):
                node.state = State.FAIL if node.state is State.FAIL else State.ERROR
                node.evidence = self._words.other_items(node)
        self.closed_s = at_s
        sums = Counter(node.state for node in self if node.state is not None)
        if sums.total() != len(self.nodes):
            raise AssertionError(f"{len(self.nodes) - sums.total()} nodes are unaccounted")
        return sums

    def _word(self, node: Node) -> str:
        """Its state as it stands, without a last word on who is silent."""
        if node.answer is not None:
            return state_of(node.answer, node.wants)
        if node.status == "failed":
            return State.DOWN
        return State.LEFT if node.status in GONE else WAITING


def _final(node: Node) -> State:
    """The verdict if there is one; else what membership says; else whether anything of the node was heard."""
    if node.answer is not None:
        return state_of(node.answer, node.wants)
    if node.status == "failed":
        return State.DOWN
    if node.status in GONE:
        return State.LEFT
    return State.SILENT if node.acked_s is None and not node.malformed else State.STALLED


def _by_other_items(node: Node, basis: Callable[[Node], bytes]) -> bool:
    answer = node.answer
    return answer is not None and worth_of(answer, node.wants) is Worth.VERDICT and answer.basis != basis(node)
