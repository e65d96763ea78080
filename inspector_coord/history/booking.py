"""Shell: one report into the history, in one transaction: booked whole or not at all, and never twice.

Sweeps stand in the order in which they are booked. Coordinators take turns; whoever comes second compares with what the
first has booked. A clock that was set back shows in `started`; `at` never goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from config_center.release import Release
from inspector_coord.history.changes import changes_of
from inspector_coord.history.model import Booking, Standing
from inspector_coord.history.origins import Origins
from inspector_coord.history.releases import release_changes
from inspector_coord.history.standing import standing_for
from inspector_coord.history.store import History
from inspector_coord.history.tables import node_releases, releases, sweeps
from inspector_coord.history.writing import Writer, insert_sweep

__all__ = ["Told", "book", "digests_in_use"]


class Told(NamedTuple):
    """What a report does not say of itself. booked: Unix time; source: hand, schedule, import."""

    booked: float
    coordinator: str
    source: str = "hand"


def digests_in_use(history: History) -> dict[int, str]:
    """Digests, by number, of the releases that nodes were judged by last, and of the last sweep's."""
    held = sa.select(node_releases.c.release).where(node_releases.c.closed.is_(None)).distinct()
    last = sa.select(sweeps.c.release).order_by(sweeps.c.id.desc()).limit(1)
    query = sa.select(releases.c.number, releases.c.digest)
    with history.reading() as connection:
        wanted = {*connection.scalars(held), *connection.scalars(last)}
        return {number: digest for number, digest in connection.execute(query) if number in wanted}


def book(history: History, booking: Booking, told: Told, at_hand: Mapping[int, Release]) -> int | None:
    """Book a report; the id of its sweep, None where it was there already. Raises HistoryError.

    at_hand: releases by number, the more of those that are used the better.
    """
    with history.writing() as connection:
        if connection.scalar(sa.select(sweeps.c.id).where(sweeps.c.uid == booking.sweep.uid)) is not None:
            return None
        standing = standing_for(connection, booking)
        at = max(booking.sweep.started, standing.last_at)
        writer = Writer(connection)
        sweep = insert_sweep(connection, booking.sweep, at, _columns(writer, booking, told))
        writer.begin(sweep)
        changes = changes_of(standing, booking, sweep, at, Origins(at_hand))
        _releases(connection, writer, standing, booking, at_hand)
        writer.write(changes, {key: node.id for key, node in standing.nodes.items()})
        return sweep


def _columns(writer: Writer, booking: Booking, told: Told) -> dict[str, Any]:
    """The columns of a sweep that are not told by its report, and what was asked for as texts."""
    asked = {
        name: msgspec.json.encode(words).decode() if words else ""
        for name, words in (("targets", booking.sweep.targets), ("patterns", booking.sweep.patterns))
    }
    writer.learn(asked.values())
    return {**told._asdict(), **{name: writer.text(text) for name, text in asked.items()}}


def _releases(
    connection: sa.Connection,
    writer: Writer,
    standing: Standing,
    booking: Booking,
    at_hand: Mapping[int, Release],
) -> None:
    """Book releases seen for the first time, with what they changed."""
    sweep = booking.sweep
    if sweep.release not in standing.releases:
        last = connection.scalar(sa.select(sweeps.c.release).where(sweeps.c.id == standing.last))
        before = at_hand.get(last) if last is not None else None
        now = at_hand.get(sweep.release)
        writer.release(sweep.release, sweep.release_digest, release_changes(before, now) if before and now else ())
    canary = at_hand.get(sweep.canary) if sweep.canary is not None else None
    if canary is not None and canary.number not in standing.releases | {sweep.release}:
        main = at_hand.get(sweep.release)
        writer.release(canary.number, canary.digest, release_changes(main, canary) if main else ())
