"""CORE. What the history tells, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from inspector_coord.plain import plain

__all__ = ["lines"]

Document = Mapping[str, Any]

_VALUE_CHARS: Final = 60
HOW: Final = {
    "pass": "passes",
    "waived": "waived",
    "na": "does not apply",
    "item-removed": "no longer asked for",
    "unknown": "gone, nobody knows how",
}
ORIGINS: Final = {
    "drift": "the node moved",
    "intended": "the baseline moved",
    "first": "first look",
    "unknown": "cause not known",
}


def lines(document: Document) -> Iterator[str]:
    """A document of `asking`, whichever kind it is."""
    told = {"node": _node, "item": _item, "sweep": _sweep, "sweeps": _sweeps}[document["kind"]]
    yield from told(document)
    if document.get("left"):
        yield f"… and {document['left']:,} more: --limit shows them"


def _node(document: Document) -> Iterator[str]:
    judged = f"judged since {_at(document['judged'])}" if document["judged"] else "never judged by all its items"
    yield f"{plain(document['node'])} of ring {plain(document['ring'])}: known since {_at(document['first'])}, {judged}"
    standing = next((one for one in document["states"] if one["closed"] is None), None)
    if standing is not None:
        yield f"not known now: {standing['state']} since {_at(standing['opened'])}"
    if document["booted"]:
        yield f"started {document['booted']}"
    if document["tags"]:
        tags = document["tags"][0]["text"]
        yield f"tags {' '.join(f'{plain(key, 64)}={plain(value, 64)}' for key, value in tags.items())}"
    yield from _table(
        "DEVIATIONS", ("ITEM", *_COLUMNS), [(plain(one["item"]), *_cells(one)) for one in document["intervals"]]
    )
    yield from _table(
        "NOT JUDGED",
        ("STATE", "FROM", "UNTIL"),
        [(one["state"], _at(one["opened"]), _at(one["closed"])) for one in document["states"]],
    )
    yield from _table(
        "HAPPENED",
        ("AT", "WHAT", ""),
        [(one["at"], one["kind"], plain(one["text"], 200)) for one in document["happenings"]],
    )


def _item(document: Document) -> Iterator[str]:
    yield f"{plain(document['item'])}: {document['open']:,} open"
    told = [(plain(one["node"]), *_cells(one)) for one in document["intervals"]]
    yield from _table("DEVIATIONS", ("NODE", *_COLUMNS), told)


def _sweep(document: Document) -> Iterator[str]:
    row = document["sweep"]
    yield f"sweep {row['id']} ({row['uid']}) at {row['at']} by {plain(row['coordinator'])}, {_kind(row)}: {_sums(row)}"
    if row["started"] != row["at"]:
        yield f"started at {row['started']} by the coordinator's clock, which had been set back"
    for word, title in (("opened", "OPENED"), ("closed", "CLOSED")):
        told = [(plain(one["node"]), plain(one["item"]), *_cells(one)) for one in document[word]]
        yield from _table(title, ("NODE", "ITEM", *_COLUMNS), told)
    yield from _table(
        "NOT JUDGED", ("NODE", "STATE"), [(plain(one["name"]), one["state"]) for one in document["states"]]
    )


def _sweeps(document: Document) -> Iterator[str]:
    told = [
        (str(row["id"]), row["uid"], row["at"], str(row["release"]), _kind(row), _sums(row))
        for row in document["sweeps"]
    ]
    yield from _table("", ("ID", "SWEEP", "AT", "RELEASE", "OF", "FOUND"), told)
    if not told:
        yield "nothing is booked yet"


_COLUMNS: Final = ("SINCE", "CONFIRMED", "ENDED", "WHY", "OBSERVED")


def _cells(one: Document) -> tuple[str, ...]:
    ended = "open" if one["closed"] is None else f"{_at(one['closed'])} {HOW.get(one['how'] or '', '')}"
    observed = plain(one["observed"], _VALUE_CHARS)
    error = "error: " if one["outcome"] == "error" else ""
    more = f" ({one['changes']} changes)" if one["changes"] else ""
    origin = ORIGINS.get(one["origin"], str(one["origin"]))
    return _at(one["opened"]), _at(one["confirmed"]), ended, origin, f"{error}{observed}{more}"


def _kind(row: Document) -> str:
    if row["interrupted"]:
        return "interrupted"
    if row["whole"]:
        return "all nodes"
    asked = [plain(text, 40) for text in (*row["targets"], *row["patterns"])]
    return " ".join(asked[:3]) + (" …" if len(asked) > 3 else "")


def _sums(row: Document) -> str:
    states = ("pass", "fail", "error", "uncovered", "stale", "stalled", "silent", "down", "left")
    told = [(row["left_n" if state == "left" else state], state) for state in states]
    return f"{row['targets_n']:,} nodes: " + ", ".join(f"{count:,} {state}" for count, state in told if count)


def _at(moment: Document | None) -> str:
    """When a sweep was; one that was pruned has left no time."""
    if moment is None:
        return "-"
    return str(moment["at"] or f"sweep {moment['sweep']}")


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Nothing for no rows."""
    if not rows:
        return
    if title:
        yield ""
        yield title
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()
