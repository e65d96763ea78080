"""`inspector drift`: a configuration and what is wanted in, the report in one of its faces out."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import sqlalchemy as sa
from rich.console import Console

from config_center.files import write_whole
from inspector_coord.config import Config, group_text
from inspector_coord.drift import limits
from inspector_coord.drift.comparing import Comparison
from inspector_coord.drift.document import Document
from inspector_coord.drift.faces import comparison_lines, csv_face, markdown, terminal
from inspector_coord.drift.journal import read_journal
from inspector_coord.drift.period import Period, read_period
from inspector_coord.drift.report import Asked, Beside, make_report
from inspector_coord.drift.saying import ahead_told
from inspector_coord.drift.scope import Wanted, newest
from inspector_coord.drift.sentences import left_told
from inspector_coord.drift.sides import Asked as Compared
from inspector_coord.drift.sides import compare
from inspector_coord.errors import ConfigError
from inspector_coord.faces.words import SEVERITIES
from inspector_coord.groups import Groups, read_groups
from inspector_coord.history.commands import open_configured
from inspector_coord.kept_releases import KeptReleases
from inspector_coord.plain import json_text, plain

__all__ = ["Faces", "Question", "drift"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, as it was written on the command line."""

    since: str | None = None
    until: str | None = None
    wanted: Wanted = Wanted()
    by: str | None = None
    fail_on: str = "info"
    compare: tuple[str, str] | None = None


class Faces(msgspec.Struct, frozen=True, kw_only=True):
    """How it is shown: on stdout in one form, for people if in no other; and as a page in a file."""

    form: str = "terminal"
    html: Path | None = None
    diff: bool = False
    verbose: bool = False


def drift(config_file: Path | None, question: Question, faces: Faces) -> int:
    """Report, show; the exit code. Raises CoordError."""
    if question.fail_on not in SEVERITIES:
        raise ConfigError(f"--fail-on {plain(question.fail_on)!r}: a severity is one of {', '.join(SEVERITIES)}")
    if question.compare is not None:
        _refuse_what_a_comparison_has_not(question, faces)
    now = time.time()
    config, history = open_configured(config_file)
    groups = read_groups({name: group_text(value) for name, value in config.groups.items()})
    if question.compare is not None:
        asked_of = Compared(
            wanted=question.wanted, groups=groups, items=_owners(config), until=question.until, fail_on=question.fail_on
        )
        with history, history.reading() as connection:
            found = compare(connection, question.compare, asked_of, now)
        _show_comparison(found, faces)
        return found.exit_code
    since = limits.since_default if question.since is None else question.since
    period = read_period(since, question.until, now)
    by = _dimensions(question.by)
    with history, history.reading() as connection:
        if question.until is None:
            period = Period(period.since, newest(connection, period.until))
        asked = Asked(period=period, wanted=question.wanted, by=by, fail_on=question.fail_on)
        document = _made(connection, asked, _beside(config, groups, period, now))
    _show(document, faces)
    return document.exit_code


def _made(connection: sa.Connection, asked: Asked, beside: Beside) -> Document:
    """The report. A tenth of its time went with collecting garbage among all that the libraries hold.

    That is nobody's garbage before the end, and is left out meanwhile.
    """
    gc.freeze()
    try:
        return make_report(connection, asked, beside)
    finally:
        gc.unfreeze()


def _refuse_what_a_comparison_has_not(question: Question, faces: Faces) -> None:
    given = {"--since": question.since, "--by": question.by, "--html": faces.html}
    wrong = [option for option, value in given.items() if value is not None]
    if wrong:
        raise ConfigError(f"{' and '.join(wrong)} cannot go with --compare: the two sides say what is looked at")


def _dimensions(by: str | None) -> tuple[str, ...] | None:
    if by is None:
        return None
    named = tuple(dict.fromkeys(part.strip() for part in by.split(",") if part.strip()))
    if not named:
        raise ConfigError("--by names no dimension: write for example --by zone,rack,item,layer,owner")
    return named


def _beside(config: Config, groups: Groups, period: Period, now: float) -> Beside:
    records, problem = read_journal(config.cache_dir / "watch")
    began = period.since - limits.before_s_max
    fresh = [record for record in records if began <= record.at.timestamp() <= period.until]
    notes = [*ahead_told(period.until, now), *([problem] if problem else [])]
    return Beside(groups=groups, owners=_owners(config), records=fresh, notes=tuple(notes))


def _owners(config: Config) -> dict[str, str]:
    """Items of the releases in the cache, with the owner that the newest names."""
    owners: dict[str, str] = {}
    for release in KeptReleases.of(config).all():
        owners.update({item: owners.get(item, "") for item in release.items})
        for layer in release.layers:
            owners.update({name: item.owner for name, item in layer.items.items() if item.owner})
    return owners


def _show(document: Document, faces: Faces) -> None:
    """Print it, and write the page. Raises ConfigError for a file that cannot be written."""
    if faces.form == "json":
        print(json_text(document))
    elif faces.form == "csv":
        _print(csv_face.lines(document))
        for line in left_told(document):
            print(line, file=sys.stderr)
    elif faces.form == "markdown":
        _print(markdown.lines(document, verbose=faces.verbose))
    else:
        terminal.render(document, Console(highlight=False), verbose=faces.verbose)
    sys.stdout.flush()
    if faces.html is not None:
        from inspector_coord.drift.page import html

        try:
            write_whole(faces.html, html.render(document).encode("utf-8", "replace"))
        except OSError as problem:
            raise ConfigError(f"{faces.html} cannot be written: {problem.strerror or problem}") from problem


def _show_comparison(found: Comparison, faces: Faces) -> None:
    if faces.form == "json":
        print(json_text(found))
    elif faces.form == "csv":
        _print(comparison_lines.csv_lines(found))
    elif faces.form == "markdown":
        _print(comparison_lines.markdown_lines(found))
    elif faces.diff:
        _print(comparison_lines.diff_lines(found))
    else:
        _print(comparison_lines.lines(found))
    sys.stdout.flush()


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
