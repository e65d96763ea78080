"""Shell: what `inspector watch` saw of the rings, from its journal in the cache: between two sweeps nobody else looks.

CACHE/watch/events.ndjson and the older events.1.ndjson … (inspector_coord/watch/journal.py). A line that is none (a
crash has torn it) is passed over, as the watch itself does; a journal that cannot be read is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from inspector_coord.drift import limits
from inspector_coord.drift.attributing import Event
from inspector_coord.watch import journal_limits
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.record import Record, read_record

__all__ = ["incidents", "read_journal"]


def read_journal(folder: Path) -> tuple[list[Record], str]:
    """(all records, oldest file first; why one could not be read, or "")."""
    paths = [folder / f"events.{number}.ndjson" for number in range(journal_limits.files_kept, 0, -1)]
    records: list[Record] = []
    try:
        for path in [*paths, folder / "events.ndjson"]:
            if path.exists():
                records += _records(path)
    except OSError as problem:
        return records, f"the watch's journal in {folder} cannot be read: {problem.strerror or problem}"
    return records[-limits.journal_records_max :], ""


def _records(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        left = 2 * journal_limits.file_bytes_max
        while left > 0 and (line := file.readline(journal_limits.line_bytes_max)):
            left -= len(line)
            record = read_record(line)
            if record is not None:
                yield record


def incidents(records: list[Record], ids: Mapping[tuple[str, str], int], begin: float, end: float) -> list[Event]:
    """One event a node and incident between two times. ids: of nodes, by ring and name."""
    # Numbers begin again where a journal was lost: an incident is named by when it began, too.
    found: dict[tuple[str, int, float, int], Event] = {}
    for record in records:
        since = record.since.timestamp()
        if record.kind is Kind.ISOLATED or since > end or record.at.timestamp() < begin:
            continue
        over = record.at.timestamp() if record.action is Action.CLOSED else None
        for name in {*record.nodes, *record.back}:
            node = ids.get((record.ring, name))
            if node is not None:
                key = (record.ring, record.incident, since, node)
                text = f"seen by the watch: {record.domain}" if record.domain else "seen by the watch"
                back = record.at.timestamp() if name in record.back else over
                first = found.get(key)
                ended = first.ended if first is not None and first.ended is not None else back
                found[key] = Event(str(record.kind), since, text, node, ended=ended)
    return list(found.values())
