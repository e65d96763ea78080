"""CORE. Nodes as a table: equal ones in one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from config_center.nodes_query import SEEN, age_s, value_of
from config_center.rows import NodeRow

TAGS_SHOWN_MAX: Final = 4
FACTS_SHOWN: Final = ("os", "os_version", "kernel", "model")
MISSING: Final = "-"
_UNITS: Final = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Row(NamedTuple):
    """names: of nodes that are equal in all fields; values: one a field; oldest_s: since the one seen longest ago."""

    names: list[str]
    values: tuple[str, ...]
    oldest_s: float | None


def fields_shown(nodes: Sequence[NodeRow]) -> tuple[str, ...]:
    """The columns where nobody asks for others: the tags that most nodes have, and a few facts."""
    counts: dict[str, int] = {}
    for node in nodes:
        for tag in node.tags:
            counts[tag] = counts.get(tag, 0) + 1
    tags = sorted(sorted(counts, key=lambda tag: (-counts[tag], tag))[:TAGS_SHOWN_MAX])
    facts = [fact for fact in FACTS_SHOWN if fact not in tags and any(fact in node.facts for node in nodes)]
    return (*tags, *facts)


def table(nodes: Sequence[NodeRow], fields: Sequence[str], now: float) -> list[Row]:
    """The rows, the biggest first. now: Unix seconds."""
    rows: dict[tuple[str, ...], list[NodeRow]] = {}
    for node in nodes:
        values = tuple(_shown(node, field, now) for field in fields)
        rows.setdefault(values, []).append(node)
    made = [Row([node.name for node in same], values, _oldest(same, now)) for values, same in rows.items()]
    return sorted(made, key=lambda row: (-len(row.names), row.names[0]))


def age_text(seconds: float | None) -> str:
    """The age in its biggest unit: 3 days and some hours are 3d."""
    if seconds is None:
        return MISSING
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "0s"


def _shown(node: NodeRow, field: str, now: float) -> str:
    value = value_of(node, field)
    return age_text(age_s(value, now)) if field == SEEN and value is not None else (value or MISSING)


def _oldest(nodes: Sequence[NodeRow], now: float) -> float | None:
    return max((age for node in nodes if (age := age_s(node.seen, now)) is not None), default=None)
