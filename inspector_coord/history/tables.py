"""The tables of the history. How they come to be in a database is told by migrations/.

An interval is opened by one booked sweep and closed by another; `closed` NULL: it is open. `opened`, `seen`, `closed`,
`first_sweep` are ids of sweeps, which stand in the order of booking. Times are Unix seconds.

An unchanged node costs nothing: an open finding counts as confirmed by every later *whole* sweep, unless something was
written. With W the id of the last whole sweep, the last confirmation of a finding is

    closed                                                         seen
    open, and its node has a state interval that covers W          seen
      (opened <= W and (closed is NULL or closed > W))
    open, else                                                     max(seen, W)

because `seen` of all open findings of a node is written when the node gets a state, and of one when it is closed.

Foreign keys hold what has an index; to hold the ids of sweeps, texts and items, too, each one that `prune` removes
would cost a look through millions of findings.

The names in SQL begin with `history_`, so that the config center's tables may live in the same database.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA: Final = "0001"
"""The newest migration: what this program reads and writes."""

VERSION_TABLE: Final = "history_version"

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows by itself only for INTEGER
Word = String(16)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _node() -> Column[int]:
    return Column("node_id", Id, ForeignKey("history_nodes.id"), nullable=False)


def _ref(name: str, *, empty: bool = False) -> Column[int]:
    """The id of a row that is not held by the database: see above."""
    return Column(name, Id, nullable=empty)


# Observed values, expectations, sources, tags: each text once. digest: BLAKE2b-128 of its UTF-8.
texts = Table(
    "history_texts",
    metadata,
    _id(),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("text", Text, nullable=False),
)

items = Table("history_items", metadata, _id(), Column("name", Text, nullable=False, unique=True))

# first_sweep: that listed it first. judged: the first that judged all its items; NULL: none has yet.
# booted: when it started, by its own clock; clock_s: how far that was ahead of the coordinator's. NULL: not told.
nodes = Table(
    "history_nodes",
    metadata,
    _id(),
    Column("ring", Text, nullable=False),
    Column("name", Text, nullable=False),
    _ref("first_sweep"),
    _ref("judged", empty=True),
    Column("booted", Double),
    Column("clock_s", Double),
    UniqueConstraint("ring", "name"),
)

# at: when, never before the `at` of the sweep before it; started: when by the coordinator's clock, as told.
# whole: asked all nodes for all items, and was not interrupted. release, release_digest: everybody's; canary: number.
# targets, patterns: what was asked for, JSON lists of texts, NULL: everything. items_…: sums over judged nodes.
# dropped_n: packets that were counted and not used. exit_code: of the sweep.
sweeps = Table(
    "history_sweeps",
    metadata,
    _id(),
    Column("uid", LargeBinary(8), nullable=False, unique=True),
    Column("at", Double, nullable=False, index=True),
    Column("started", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("booked", Double, nullable=False),
    Column("coordinator", Text, nullable=False),
    Column("source", Word, nullable=False),  # hand, schedule, import
    Column("whole", Boolean, nullable=False),
    _ref("targets", empty=True),
    _ref("patterns", empty=True),
    Column("release", BigInteger, nullable=False),
    Column("release_digest", String(64), nullable=False),
    Column("canary", BigInteger),
    Column("exit_code", Integer, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    Column("targets_n", Integer, nullable=False),
    Column("pass", Integer, nullable=False),
    Column("fail", Integer, nullable=False),
    Column("error", Integer, nullable=False),
    Column("uncovered", Integer, nullable=False),
    Column("stale", Integer, nullable=False),
    Column("stalled", Integer, nullable=False),
    Column("silent", Integer, nullable=False),
    Column("down", Integer, nullable=False),
    Column("left_n", Integer, nullable=False),
    Column("items_pass", BigInteger, nullable=False),
    Column("items_fail", BigInteger, nullable=False),
    Column("items_error", BigInteger, nullable=False),
    Column("items_na", BigInteger, nullable=False),
    Column("items_waived", BigInteger, nullable=False),
    Column("dropped_n", BigInteger, nullable=False),
)

# Why a node was not judged, or not wholly: stale stalled silent down left error (no verdict), partial (a verdict that
# does not name all that is wrong), absent (a whole sweep does not list it), unreached (its ring could not be asked).
node_states = Table(
    "history_node_states",
    metadata,
    _id(),
    _node(),
    Column("state", Word, nullable=False),
    _ref("opened"),
    Column("closed", Id, index=True),
    Index("history_node_states_node_idx", "node_id", "opened"),
)

# text: the tags as a JSON object with sorted keys.
node_tags = Table(
    "history_node_tags",
    metadata,
    _id(),
    _node(),
    _ref("text_id"),
    _ref("opened"),
    Column("closed", Id, index=True),
    Index("history_node_tags_node_idx", "node_id", "opened"),
)

# What the config center was told by the node: `kernel.release` and the like.
node_facts = Table(
    "history_node_facts",
    metadata,
    _id(),
    _node(),
    Column("key", String(128), nullable=False),
    _ref("text_id"),
    _ref("opened"),
    Column("closed", Id, index=True),
    Index("history_node_facts_node_idx", "node_id", "opened"),
)

# The number of the release that the node was judged by.
node_releases = Table(
    "history_node_releases",
    metadata,
    _id(),
    _node(),
    Column("release", BigInteger, nullable=False),
    _ref("opened"),
    Column("closed", Id, index=True),
    Index("history_node_releases_node_idx", "node_id", "opened"),
)

releases = Table(
    "history_releases",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    _ref("first_sweep"),
)

# What a release changed of an item, against the one that was booked before it: NULL before: new, NULL after: gone.
# source: the layer line of the change. One row a layer line that changed.
release_changes = Table(
    "history_release_changes",
    metadata,
    _id(),
    Column("number", BigInteger, ForeignKey("history_releases.number"), nullable=False, index=True),
    _ref("item_id"),
    _ref("before", empty=True),
    _ref("after", empty=True),
    _ref("source", empty=True),
)

# One interval of a (node, item) that fails or errs. outcome, severity, expected, source, observed: the last told.
# release: that it opened under. changes: how often outcome or observed value changed within. how it closed:
# pass waived na item-removed unknown (no release at hand to say whether the item is still there).
findings = Table(
    "history_findings",
    metadata,
    _id(),
    _node(),
    _ref("item_id"),
    Column("outcome", Word, nullable=False),  # fail, error
    Column("origin", Word, nullable=False),  # drift, intended, first, unknown
    Column("severity", Word, nullable=False),
    Column("release", BigInteger, nullable=False),
    _ref("expected", empty=True),
    _ref("source", empty=True),
    _ref("observed", empty=True),
    _ref("first_observed", empty=True),
    Column("changes", Integer, nullable=False),
    _ref("opened"),
    _ref("seen"),
    Column("closed", Id),
    Column("how", Word),
    Index("history_findings_node_idx", "node_id", "item_id"),
    Index("history_findings_closed_idx", "closed", "opened"),
    Index("history_findings_opened_idx", "opened"),
)

# Observed values within an interval, from its second on; the first is `first_observed`.
observations = Table(
    "history_observations",
    metadata,
    Column("finding_id", Id, ForeignKey("history_findings.id"), primary_key=True, autoincrement=False),
    Column("sweep_id", Id, primary_key=True, autoincrement=False),
    _ref("text_id", empty=True),
)

# What happened to a node, or (node NULL) to all; releases have a table of their own. kind: reboot kernel package driver
# moved joined left rebuilt operation note. key: the same is kept once.
happenings = Table(
    "history_happenings",
    metadata,
    _id(),
    Column("at", Double, nullable=False, index=True),
    Column("kind", Word, nullable=False),
    Column("node_id", Id, ForeignKey("history_nodes.id"), index=True),
    _ref("text_id", empty=True),
    Column("who", Text, nullable=False),
    Column("key", LargeBinary(16), nullable=False, unique=True),
)
