"""Shell: rows into an open transaction; texts, items and nodes by their ids, each kept once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from inspector_coord.history import limits
from inspector_coord.history.model import Changes, Happening, Key, Sweep, Wrong
from inspector_coord.history.releases import ItemChanged
from inspector_coord.history.standing import batches
from inspector_coord.history.tables import (
    findings,
    happenings,
    items,
    node_facts,
    node_releases,
    node_states,
    node_tags,
    nodes,
    observations,
    release_changes,
    releases,
    sweeps,
    texts,
)

__all__ = ["Writer", "digest_of_text", "insert_sweep", "mark_of"]

Row = dict[str, Any]


def digest_of_text(text: str) -> bytes:
    """What a text is found by."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def insert_sweep(connection: sa.Connection, sweep: Sweep, at: float, told: Mapping[str, Any]) -> int:
    """Its id. told: the columns `booked`, `coordinator`, `source`, and the text ids `targets` and `patterns`."""
    sums, of_items = sweep.ledger, sweep.items
    row: Row = {
        "uid": sweep.uid, "at": at, "started": sweep.started, "seconds": sweep.seconds, "whole": sweep.whole,
        "release": sweep.release, "release_digest": sweep.release_digest, "canary": sweep.canary,
        "exit_code": sweep.exit_code, "interrupted": sweep.interrupted, "dropped_n": sweep.dropped,
        "targets_n": sums["targets"], "left_n": sums["left"],
        **{state: sums[state] for state in sums if state not in ("targets", "left")},
        **{f"items_{outcome}": count for outcome, count in of_items.items()},
    }  # fmt: skip
    done = connection.execute(sweeps.insert().returning(sweeps.c.id), {**row, **told})
    return int(done.scalar_one())


class Writer:
    """Writes what one sweep brings."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._sweep = 0
        self._texts: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._nodes: dict[Key, int] = {}

    def begin(self, sweep: int) -> None:
        """What is written from now on is of this sweep."""
        self._sweep = sweep

    def write(self, changes: Changes, known: Mapping[Key, int]) -> None:
        """All of it. known: the nodes that are there already."""
        self._nodes = dict(known)
        self._new_nodes(changes.new_nodes)
        self.learn(_texts_of(changes))
        self.learn_items(opening.item for opening in changes.openings)
        for table, closed in (
            (node_states, changes.closed_states), (node_tags, changes.closed_tags),
            (node_releases, changes.closed_releases), (node_facts, changes.closed_facts),
        ):  # fmt: skip
            self._close(table, closed)
        sweep, ids = self._sweep, self._nodes
        self.insert(
            node_states,
            ({"node_id": ids[key], "state": state, "opened": sweep} for key, state in changes.opened_states),
        )
        self.insert(
            node_tags,
            ({"node_id": ids[key], "text_id": self.text(tags), "opened": sweep} for key, tags in changes.tags),
        )
        self.insert(
            node_releases,
            ({"node_id": ids[key], "release": number, "opened": sweep} for key, number in changes.releases),
        )
        self.insert(
            node_facts,
            (
                {"node_id": ids[key], "key": fact, "text_id": self.text(text), "opened": sweep}
                for key, fact, text in changes.facts
            ),
        )
        self._nodes_told(changes)
        self._findings(changes)
        self.happenings(changes.happenings)

    def happenings(self, told: Sequence[Happening]) -> None:
        """Add those that are not there yet."""
        rows = {
            mark_of(one): {
                "at": one.at, "kind": one.kind, "node_id": None if one.key is None else self._nodes[one.key],
                "text_id": self.text(one.text), "who": one.who, "key": mark_of(one),
            }
            for one in told[: limits.happenings_max]
        }  # fmt: skip
        for some in batches(rows):
            there = self._connection.scalars(sa.select(happenings.c.key).where(happenings.c.key.in_(some)))
            for mark in there:
                del rows[bytes(mark)]
        self.insert(happenings, rows.values())

    def note(self, told: Happening, known: Mapping[Key, int]) -> None:
        """One happening that no sweep tells. known: the node's id, if it is of one."""
        self._nodes = dict(known)
        self.learn([told.text])
        self.happenings([told])

    def release(self, number: int, digest: str, changed: Iterable[ItemChanged]) -> None:
        """A release that is booked for the first time, and what it changed."""
        told = list(changed)
        self.insert(releases, [{"number": number, "digest": digest, "first_sweep": self._sweep}])
        self.learn(text for one in told for text in (one.before, one.after, one.source) if text)
        self.learn_items(one.item for one in told)
        self.insert(
            release_changes,
            (
                {
                    "number": number, "item_id": self._items[one.item], "before": self.text(one.before),
                    "after": self.text(one.after), "source": self.text(one.source),
                }
                for one in told
            ),
        )  # fmt: skip

    def text(self, text: str | None) -> int | None:
        """Its id; None for no text."""
        return self._texts[text] if text else None

    def learn(self, wanted: Iterable[str]) -> None:
        """Have the ids of these texts; those that are not there are added."""
        digests = {digest_of_text(text): text for text in set(wanted) - self._texts.keys() if text}
        found = self._known(texts.c.digest, digests)
        self.insert(
            texts, ({"digest": digest, "text": text} for digest, text in digests.items() if digest not in found)
        )
        found |= self._known(texts.c.digest, digests.keys() - found.keys())
        self._texts |= {text: found[digest] for digest, text in digests.items()}

    def learn_items(self, wanted: Iterable[str]) -> None:
        """Have the ids of these items."""
        names = set(wanted) - self._items.keys()
        found = self._known(items.c.name, names)
        self.insert(items, ({"name": name} for name in names - found.keys()))
        self._items |= found | self._known(items.c.name, names - found.keys())

    def insert(self, table: sa.Table, rows: Iterable[Row]) -> None:
        """Add rows, which all have the same columns."""
        for some in batches(rows, limits.rows_at_once):
            self._connection.execute(table.insert(), some)

    # ---- within -----------------------------------------------------------------------------------------------------

    def _known(self, column: sa.Column[Any], values: Iterable[Any]) -> dict[Any, int]:
        """Ids of the rows with these values."""
        found = {}
        for some in batches(values):
            for number, value in self._connection.execute(sa.select(column.table.c.id, column).where(column.in_(some))):
                found[bytes(value) if isinstance(value, memoryview) else value] = number
        return found

    def _new_nodes(self, keys: Sequence[Key]) -> None:
        self.insert(nodes, ({"ring": ring, "name": name, "first_sweep": self._sweep} for ring, name in keys))
        if keys:
            query = sa.select(nodes.c.id, nodes.c.ring, nodes.c.name).where(nodes.c.first_sweep == self._sweep)
            self._nodes |= {(ring, name): number for number, ring, name in self._connection.execute(query)}

    def _close(self, table: sa.Table, ids: Sequence[int]) -> None:
        for some in batches(ids):
            self._connection.execute(table.update().where(table.c.id.in_(some)).values(closed=self._sweep))

    def _nodes_told(self, changes: Changes) -> None:
        """Boot times, and who was judged by all items for the first time."""
        booted = [{"row": self._nodes[key], "boot": boot, "ahead": ahead} for key, boot, ahead in changes.booted]
        which = nodes.c.id == sa.bindparam("row")
        self._update(
            nodes.update().where(which).values(booted=sa.bindparam("boot"), clock_s=sa.bindparam("ahead")), booted
        )
        for some in batches(self._nodes[key] for key in changes.judged):
            self._connection.execute(nodes.update().where(nodes.c.id.in_(some)).values(judged=self._sweep))

    def _findings(self, changes: Changes) -> None:
        which = findings.c.id == sa.bindparam("row")
        self._update(
            findings.update().where(which).values(seen=sa.bindparam("at")),
            [{"row": number, "at": sweep} for number, sweep in changes.seen],
        )
        ended = findings.update().where(which)
        self._update(
            ended.values(seen=sa.bindparam("at"), closed=self._sweep, how=sa.bindparam("end")),
            [{"row": one.id, "at": one.seen, "end": one.how} for one in changes.closings],
        )
        now = {
            f"new_{column}": column for column in ("outcome", "severity", "expected", "source", "observed", "changes")
        }
        self._update(
            ended.values({column: sa.bindparam(name) for name, column in now.items()}),
            [
                {"row": number, "new_changes": count}
                | {f"new_{name}": told for name, told in self._said(wrong).items()}
                for number, wrong, _, count in changes.turned
            ],
        )
        self.insert(
            observations,
            (
                {"finding_id": number, "sweep_id": self._sweep, "text_id": self.text(wrong.observed)}
                for number, wrong, changed, count in changes.turned
                if changed and count <= limits.observations_max
            ),
        )
        self.insert(
            findings,
            (
                {
                    "node_id": self._nodes[one.key], "item_id": self._items[one.item], "origin": one.origin,
                    "release": one.release, "first_observed": self.text(one.wrong.observed), "changes": 0,
                    "opened": self._sweep, "seen": self._sweep, **self._said(one.wrong),
                }
                for one in changes.openings
            ),
        )  # fmt: skip

    def _said(self, wrong: Wrong) -> Row:
        """The columns of a finding that are the last told."""
        return {
            "outcome": wrong.outcome,
            "severity": wrong.severity,
            "expected": self.text(wrong.expected),
            "source": self.text(wrong.source),
            "observed": self.text(wrong.observed),
        }

    def _update(self, statement: sa.Update, rows: Sequence[Row]) -> None:
        for some in batches(rows, limits.rows_at_once):
            self._connection.execute(statement, some)


def _texts_of(changes: Changes) -> set[str]:
    told = {tags for _, tags in changes.tags} | {text for _, _, text in changes.facts}
    told |= {one.text for one in changes.happenings}
    for wrong in [*(one.wrong for one in changes.openings), *(wrong for _, wrong, _, _ in changes.turned)]:
        told |= {wrong.expected, wrong.source, wrong.observed}
    return told


def mark_of(one: Happening) -> bytes:
    """The same happening has the same."""
    return digest_of_text("\0".join([one.kind, *(one.key or ("", "")), one.text, one.who, repr(one.at)]))
