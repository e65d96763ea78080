"""CORE. Which nodes hold which release: the answers to a question about no item at all, folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from inspector_agent.wire import ANY_RELEASE
from inspector_coord.fold import fold_names, teller
from inspector_coord.ledger import Node
from inspector_coord.verdict import State

__all__ = ["NO_ITEM", "folded", "is_whole", "lines"]

NO_ITEM = "-"
"""An item pattern that no item matches: nothing is run, and agents answer at once."""

Document = dict[str, Any]


def folded(nodes: Iterable[Node]) -> Document:
    """`{"releases": [{number, digest (its first 16 digits), nodes, count}, newest first], "without": nodes,
    "no_answer": {state: nodes}}` of a closed ledger; nodes are node sets."""
    holding: dict[tuple[int, str], list[str]] = defaultdict(list)
    without: list[str] = []
    silent: dict[str, list[str]] = defaultdict(list)
    listed = list(nodes)
    tell = teller(node.key for node in listed)
    for node in listed:
        # An agent that is busy, or whose clock is wrong, says what it holds nevertheless.
        if node.answer is None:
            silent[str(node.state)].append(tell(node.key))
        elif node.answer.release == ANY_RELEASE:
            without.append(tell(node.key))
        else:
            holding[node.answer.number, node.answer.release.hex()].append(tell(node.key))
    return {
        "releases": [
            {"number": number, "digest": digest, "nodes": fold_names(names), "count": len(names)}
            for (number, digest), names in sorted(holding.items(), reverse=True)
        ],
        "without": fold_names(without),
        "no_answer": {state: fold_names(silent[state]) for state in State if state in silent},
    }


def is_whole(document: Document) -> bool:
    """Everybody has answered; who has left need not."""
    return not set(document["no_answer"]) - {State.LEFT} and not document["absent"] and not document["problems"]


def lines(document: Document) -> Iterable[str]:
    """For a terminal."""
    for release in document["releases"]:
        count = release["count"]
        yield f"release {release['number']} ({release['digest'][:12]})  {_many(count)}  {release['nodes']}"
    if document["without"]:
        yield f"no release at all  {document['without']}"
    for state, nodes in document["no_answer"].items():
        yield f"{state}  {nodes}"


def _many(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"
