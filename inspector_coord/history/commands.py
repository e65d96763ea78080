"""The commands of `inspector history`: a configuration and what is wanted in, lines or JSON out."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import sqlalchemy as sa

from config_center.files import write_new
from inspector_coord import limits as coord_limits
from inspector_coord.config import Config, default_path, load
from inspector_coord.errors import ConfigError, HistoryError, ReportError
from inspector_coord.history import limits
from inspector_coord.history.asking import about, sweeps_document
from inspector_coord.history.booking import Told, book, digests_in_use
from inspector_coord.history.keeping import past_releases
from inspector_coord.history.model import Happening, Key
from inspector_coord.history.prune import prune
from inspector_coord.history.reading import read
from inspector_coord.history.store import History
from inspector_coord.history.tables import nodes, sweeps
from inspector_coord.history.transfer import export_lines, import_lines, is_export
from inspector_coord.history.words import lines
from inspector_coord.history.writing import Writer
from inspector_coord.plain import is_utf8, json_text, plain

__all__ = ["export", "import_files", "note", "open_configured", "prune_old", "show", "show_sweeps"]

DAY_S = 86_400.0


def open_configured(config_file: Path | None) -> tuple[Config, History]:
    """The history that coordinator.yml names. Raises ConfigError where it wants none."""
    config = load(config_file or default_path())
    if config.history_at is None:
        raise ConfigError(f"{config.file} says `history: false`: sweeps are not booked")
    return config, History(config.history_at)


def show(config_file: Path | None, what: str, most: int, *, as_json: bool) -> int:
    """What is known of a node, an item or a sweep."""
    _check_utf8(what)
    _, history = open_configured(config_file)
    with history, history.reading() as connection:
        document = about(connection, what, most)
    return _tell(document, as_json=as_json)


def show_sweeps(config_file: Path | None, most: int, *, as_json: bool) -> int:
    """The newest sweeps."""
    _, history = open_configured(config_file)
    with history, history.reading() as connection:
        document = sweeps_document(connection, most)
    return _tell(document, as_json=as_json)


def prune_old(config_file: Path | None, keep_days: int, *, compact: bool, as_json: bool) -> int:
    """Remove what ended more than so many days ago."""
    _, history = open_configured(config_file)
    with history:
        done = prune(history, time.time() - keep_days * DAY_S, compact=compact)
    if as_json:
        _print_json(done)
        return 0
    removed = ", ".join(f"{count:,} {table}" for table, count in done["removed"].items() if count)
    print(f"removed what ended before {done['before']}: {removed or 'nothing'}")
    return 0


def export(config_file: Path | None, output: Path | None) -> int:
    """The whole history as NDJSON, to stdout or into a file."""
    _, history = open_configured(config_file)
    with history:
        if output is None:
            for line in export_lines(history):
                sys.stdout.buffer.write(line + b"\n")
            sys.stdout.flush()
            return 0
        try:
            write_new(output, (line + b"\n" for line in export_lines(history)))
        except OSError as problem:
            raise ConfigError(f"{output} cannot be written: {problem.strerror or problem}") from problem
    return 0


def import_files(config_file: Path | None, files: Sequence[Path], *, as_json: bool) -> int:
    """An export into an empty history, or reports of sweeps, oldest first, after those that are booked."""
    config, history = open_configured(config_file)
    with history:
        if len(files) == 1 and _begins_an_export(files[0]):
            with _opened(files[0]) as file:
                counts = import_lines(history, file)
            done: dict[str, Any] = {"rows": counts}
            said = f"imported {sum(counts.values()):,} rows, {counts['sweeps']:,} sweeps"
        else:
            done = _import_reports(config, history, files)
            said = f"booked {done['booked']:,} sweeps; {done['known']:,} were there already"
    _print_json(done) if as_json else print(said)
    return 0


def note(config_file: Path | None, text: str, node: str | None, at: str | None, kind: str) -> int:
    """Something that a person knows to have happened, to a node or to all, goes beside the sweeps."""
    _check_utf8(text, node or "")
    _, history = open_configured(config_file)
    when = _moment(at) if at else time.time()
    if not text.strip():
        raise ConfigError("a note has a text")
    with history:
        history.prepare()
        with history.writing() as connection:
            writer = Writer(connection)
            found = _node_key(connection, node) if node else None
            key = found[0] if found else None
            told = Happening(when, kind, key, text[: limits.note_chars_max], f"{_user()}@{socket.gethostname()}")
            writer.note(told, dict([found]) if found else {})
    return 0


def _user() -> str:
    """Who runs this; by number where the machine has no name for it, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # before Python 3.13, and since
        return f"uid {os.getuid()}"


def _check_utf8(*words: str) -> None:
    for word in words:
        if not is_utf8(word):
            raise ConfigError(f"{plain(word)!r} is not UTF-8")


def _node_key(connection: sa.Connection, name: str) -> tuple[Key, int]:
    ring, _, bare = name.rpartition(":")
    which = sa.or_(nodes.c.name == name, sa.and_(nodes.c.ring == ring, nodes.c.name == bare))
    found = connection.execute(sa.select(nodes.c.id, nodes.c.ring, nodes.c.name).where(which)).all()
    if len(found) != 1:
        raise HistoryError(f"the history knows {len(found) or 'no'} such node: {plain(name)!r}")
    return (found[0].ring, found[0].name), found[0].id


def _import_reports(config: Config, history: History, files: Iterable[Path]) -> dict[str, Any]:
    history.prepare()
    told = [(path, read(_report(path))) for path in files]
    told.sort(key=lambda one: one[1].sweep.started)
    booked = 0
    for path, booking in told:
        with history.reading() as connection:
            last = connection.scalar(sa.select(sa.func.max(sweeps.c.at)))
            there = connection.scalar(sa.select(sweeps.c.id).where(sweeps.c.uid == booking.sweep.uid))
        if there is None and last is not None and booking.sweep.started < last:
            raise HistoryError(
                f"{path} is older than the last sweep that is booked, and intervals are told forwards: "
                "import all reports into a new history"
            )
        digests = {**digests_in_use(history), booking.sweep.release: booking.sweep.release_digest}
        at_hand = past_releases(config, digests)
        done = book(history, booking, Told(time.time(), socket.gethostname(), "import"), at_hand)
        booked += done is not None
    return {"booked": booked, "known": len(told) - booked}


def _report(path: Path) -> dict[str, Any]:
    with _opened(path) as file:
        raw = file.read(coord_limits.report_bytes_max)
    try:
        report = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        raise ReportError(f"{path} is no report of a sweep: {problem}") from problem
    if not isinstance(report, dict):
        raise ReportError(f"{path} is no report of a sweep")
    return report


def _begins_an_export(path: Path) -> bool:
    with _opened(path) as file:
        return is_export(file.readline(limits.line_bytes_max))


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror or problem}") from problem


def _moment(text: str) -> float:
    """Unix time of RFC 3339; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise ConfigError(f"--at {plain(text)!r} is no time such as 2026-03-01T02:14:07Z") from problem
    unix = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if not 0 <= unix <= limits.moment_unix_s_max:
        raise ConfigError(f"--at {plain(text)!r} is no time of our age")
    return unix


def _tell(document: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        _print_json(document)
    else:
        print("\n".join(lines(document)))
    return 0


def _print_json(document: object) -> None:
    print(json_text(document))
