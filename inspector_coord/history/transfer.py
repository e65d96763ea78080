"""Shell: a whole history as NDJSON, out of one database and into another; and reports of sweeps into a history.

    {"schema": "inspector.history/1", "kind": "export", "step": "0001"}
    {"table": "texts", "id": 1, "digest": "…", "text": "…"}          a row; bytes are hexadecimal
    …
    {"end": {"texts": 1, …}}                                         rows by table: without it, it was cut short

An import takes all or nothing, into a history that is empty. Ids stay, so that two exports of one history can be
compared line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from inspector_coord.errors import HistoryError
from inspector_coord.history import limits
from inspector_coord.history.asking import SCHEMA as DOCUMENT
from inspector_coord.history.store import History
from inspector_coord.history.tables import SCHEMA, metadata

__all__ = ["export_lines", "import_lines", "is_export"]

_TABLES: Final = {table.name.removeprefix("history_"): table for table in metadata.sorted_tables}
_HEAD: Final = {"schema": DOCUMENT, "kind": "export", "step": SCHEMA}


def export_lines(history: History) -> Iterator[bytes]:
    """All rows, as one view of the database."""
    counts = dict.fromkeys(_TABLES, 0)
    with history.reading() as connection:
        yield msgspec.json.encode(_HEAD)
        for name, table in _TABLES.items():
            query = sa.select(table).order_by(*table.primary_key.columns)
            streamed = connection.execution_options(yield_per=limits.rows_at_once)
            for row in streamed.execute(query).mappings():
                counts[name] += 1
                yield msgspec.json.encode({"table": name, **{key: _out(value) for key, value in row.items()}})
    yield msgspec.json.encode({"end": counts})


def is_export(head: bytes) -> bool:
    """Whether a file that begins with this line is an export."""
    try:
        told = msgspec.json.decode(head)
    except (msgspec.DecodeError, UnicodeError):
        return False
    return isinstance(told, dict) and told.get("schema") == DOCUMENT and told.get("kind") == "export"


def import_lines(history: History, lines: Iterable[bytes]) -> dict[str, int]:
    """Rows of an export into an empty history; how many, by table. Raises HistoryError that names the line."""
    history.prepare()
    counts = dict.fromkeys(_TABLES, 0)
    with history.writing() as connection:
        if any(connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in _TABLES.values()):
            raise HistoryError(f"{history.where} is not empty: import into a new history, named under `history:`")
        ended = False
        rows: list[dict[str, Any]] = []
        last = ""
        for number, line in enumerate(lines, start=1):
            told = _read(line, number)
            if number == 1:
                _check_head(told)
                continue
            if ended:
                raise HistoryError(f"line {number}: there is more after the export's end")
            if "end" in told:
                ended = told["end"] == counts
                if not ended:
                    raise HistoryError(f"line {number}: the export says {told['end']}, its rows are {counts}")
                continue
            name, row = _row(told, number)
            if rows and (name != last or len(rows) >= limits.rows_at_once):
                _insert(connection, last, rows, number)
                rows = []
            last = name
            rows.append(row)
            counts[name] += 1
        if not ended:
            raise HistoryError("the export is cut short: its last line, which counts its rows, is missing")
        if rows:
            _insert(connection, last, rows, number)
        _count_on(connection)
    return counts


def _insert(connection: sa.Connection, name: str, rows: list[dict[str, Any]], number: int) -> None:
    """Rows of one table; `number`: the line after them. Raises HistoryError where they contradict others."""
    try:
        connection.execute(_TABLES[name].insert(), rows)
    except sa.exc.IntegrityError as problem:
        said = str(problem.orig).splitlines()[0]
        raise HistoryError(f"the {name} before line {number} contradict other lines: {said}") from problem


def _check_head(told: dict[str, Any]) -> None:
    if {key: told.get(key) for key in ("schema", "kind")} != {key: _HEAD[key] for key in ("schema", "kind")}:
        raise HistoryError("line 1: this is no export of a history: `inspector history export` makes one")
    if told.get("step") != SCHEMA:
        raise HistoryError(f"line 1: the export has schema {told.get('step')!r}, this program reads {SCHEMA}")


def _read(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > limits.line_bytes_max:
        raise HistoryError(f"line {number} has more than {limits.line_bytes_max:,} bytes")
    try:
        told = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        raise HistoryError(f"line {number} is no JSON: {problem}") from problem
    if not isinstance(told, dict):
        raise HistoryError(f"line {number} is no JSON object")
    return told


def _row(told: dict[str, Any], number: int) -> tuple[str, dict[str, Any]]:
    """(table, row). Raises HistoryError where a column is missing, unknown or of another type."""
    name = told.pop("table", None)
    table = _TABLES.get(name) if isinstance(name, str) else None
    if table is None:
        raise HistoryError(f"line {number}: no such table: {str(name)[:40]!r}")
    if told.keys() != set(table.columns.keys()):
        odd = sorted(told.keys() ^ set(table.columns.keys()))
        raise HistoryError(f"line {number}: columns of {name} that are missing, or not known: {', '.join(odd)[:200]}")
    return str(name), {column.name: _in(told[column.name], column, number) for column in table.columns}


def _in(value: Any, column: sa.Column[Any], number: int) -> Any:
    """A value as its column takes it."""
    if value is None and column.nullable:
        return None
    kind = column.type.python_type
    if kind is bytes and isinstance(value, str):
        try:
            value = bytes.fromhex(value)
        except ValueError as problem:
            raise HistoryError(f"line {number}: {column.name} is not hexadecimal") from problem
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is int and abs(value) >= 2**63):
        raise HistoryError(f"line {number}: {column.name} is no {kind.__name__}")
    return value


def _out(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


def _count_on(connection: sa.Connection) -> None:
    """PostgreSQL counts ids by sequences of its own, which have to be told of rows that brought theirs."""
    if connection.dialect.name != "postgresql":
        return
    for table in _TABLES.values():
        if "id" in table.columns:
            most = sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0) + 1).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            connection.execute(sa.select(sa.func.setval(sequence, most, False)))  # noqa: FBT003 -- SQL's own
