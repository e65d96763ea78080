"""The first tables: sweeps, and intervals of node states and deviations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
WORD = sa.String(16)


def upgrade() -> None:
    """Make the tables and their indexes."""
    _what_is_named()
    _node_intervals()
    _what_is_wrong()


def _what_is_named() -> None:
    """Sweeps, nodes, items, texts."""
    op.create_table(
        "history_items",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="history_items_pkey"),
        sa.UniqueConstraint("name", name="history_items_name_key"),
    )
    op.create_table(
        "history_texts",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="history_texts_pkey"),
        sa.UniqueConstraint("digest", name="history_texts_digest_key"),
    )
    op.create_table(
        "history_nodes",
        sa.Column("id", ID, nullable=False),
        sa.Column("ring", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_sweep", ID, nullable=False),
        sa.Column("judged", ID, nullable=True),
        sa.Column("booted", sa.Double, nullable=True),
        sa.Column("clock_s", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("id", name="history_nodes_pkey"),
        sa.UniqueConstraint("ring", "name", name="history_nodes_ring_key"),
    )
    op.create_table(
        "history_sweeps",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.LargeBinary(length=8), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("booked", sa.Double, nullable=False),
        sa.Column("coordinator", sa.Text, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("targets", ID, nullable=True),
        sa.Column("patterns", ID, nullable=True),
        sa.Column("release", sa.BigInteger, nullable=False),
        sa.Column("release_digest", sa.String(length=64), nullable=False),
        sa.Column("canary", sa.BigInteger, nullable=True),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("targets_n", sa.Integer, nullable=False),
        sa.Column("pass", sa.Integer, nullable=False),
        sa.Column("fail", sa.Integer, nullable=False),
        sa.Column("error", sa.Integer, nullable=False),
        sa.Column("uncovered", sa.Integer, nullable=False),
        sa.Column("stale", sa.Integer, nullable=False),
        sa.Column("stalled", sa.Integer, nullable=False),
        sa.Column("silent", sa.Integer, nullable=False),
        sa.Column("down", sa.Integer, nullable=False),
        sa.Column("left_n", sa.Integer, nullable=False),
        sa.Column("items_pass", sa.BigInteger, nullable=False),
        sa.Column("items_fail", sa.BigInteger, nullable=False),
        sa.Column("items_error", sa.BigInteger, nullable=False),
        sa.Column("items_na", sa.BigInteger, nullable=False),
        sa.Column("items_waived", sa.BigInteger, nullable=False),
        sa.Column("dropped_n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="history_sweeps_pkey"),
        sa.UniqueConstraint("uid", name="history_sweeps_uid_key"),
    )
    op.create_index("history_sweeps_at_idx", "history_sweeps", ["at"], unique=False)


def _node_intervals() -> None:
    """What holds of a node for a while."""
    op.create_table(
        "history_node_states",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("opened", ID, nullable=False),
        sa.Column("closed", ID, nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["history_nodes.id"], name="history_node_states_node_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_node_states_pkey"),
    )
    op.create_index("history_node_states_closed_idx", "history_node_states", ["closed"], unique=False)
    op.create_index("history_node_states_node_idx", "history_node_states", ["node_id", "opened"], unique=False)
    op.create_table(
        "history_node_tags",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("text_id", ID, nullable=False),
        sa.Column("opened", ID, nullable=False),
        sa.Column("closed", ID, nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["history_nodes.id"], name="history_node_tags_node_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_node_tags_pkey"),
    )
    op.create_index("history_node_tags_closed_idx", "history_node_tags", ["closed"], unique=False)
    op.create_index("history_node_tags_node_idx", "history_node_tags", ["node_id", "opened"], unique=False)
    op.create_table(
        "history_node_facts",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("text_id", ID, nullable=False),
        sa.Column("opened", ID, nullable=False),
        sa.Column("closed", ID, nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["history_nodes.id"], name="history_node_facts_node_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_node_facts_pkey"),
    )
    op.create_index("history_node_facts_closed_idx", "history_node_facts", ["closed"], unique=False)
    op.create_index("history_node_facts_node_idx", "history_node_facts", ["node_id", "opened"], unique=False)
    op.create_table(
        "history_node_releases",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("release", sa.BigInteger, nullable=False),
        sa.Column("opened", ID, nullable=False),
        sa.Column("closed", ID, nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["history_nodes.id"], name="history_node_releases_node_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_node_releases_pkey"),
    )
    op.create_index("history_node_releases_closed_idx", "history_node_releases", ["closed"], unique=False)
    op.create_index("history_node_releases_node_idx", "history_node_releases", ["node_id", "opened"], unique=False)


def _what_is_wrong() -> None:
    """Releases, deviations and what happened."""
    op.create_table(
        "history_releases",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("first_sweep", ID, nullable=False),
        sa.PrimaryKeyConstraint("number", name="history_releases_pkey"),
    )
    op.create_table(
        "history_release_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("before", ID, nullable=True),
        sa.Column("after", ID, nullable=True),
        sa.Column("source", ID, nullable=True),
        sa.ForeignKeyConstraint(["number"], ["history_releases.number"], name="history_release_changes_number_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_release_changes_pkey"),
    )
    op.create_index("history_release_changes_number_idx", "history_release_changes", ["number"], unique=False)
    op.create_table(
        "history_findings",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("outcome", WORD, nullable=False),
        sa.Column("origin", WORD, nullable=False),
        sa.Column("severity", WORD, nullable=False),
        sa.Column("release", sa.BigInteger, nullable=False),
        sa.Column("expected", ID, nullable=True),
        sa.Column("source", ID, nullable=True),
        sa.Column("observed", ID, nullable=True),
        sa.Column("first_observed", ID, nullable=True),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.Column("opened", ID, nullable=False),
        sa.Column("seen", ID, nullable=False),
        sa.Column("closed", ID, nullable=True),
        sa.Column("how", WORD, nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["history_nodes.id"], name="history_findings_node_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_findings_pkey"),
    )
    op.create_index("history_findings_closed_idx", "history_findings", ["closed", "opened"], unique=False)
    op.create_index("history_findings_node_idx", "history_findings", ["node_id", "item_id"], unique=False)
    op.create_index("history_findings_opened_idx", "history_findings", ["opened"], unique=False)
    op.create_table(
        "history_observations",
        sa.Column("finding_id", ID, autoincrement=False, nullable=False),
        sa.Column("sweep_id", ID, autoincrement=False, nullable=False),
        sa.Column("text_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["history_findings.id"], name="history_observations_finding_id_fkey"),
        sa.PrimaryKeyConstraint("finding_id", "sweep_id", name="history_observations_pkey"),
    )
    op.create_table(
        "history_happenings",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("node_id", ID, nullable=True),
        sa.Column("text_id", ID, nullable=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["history_nodes.id"], name="history_happenings_node_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="history_happenings_pkey"),
        sa.UniqueConstraint("key", name="history_happenings_key_key"),
    )
    op.create_index("history_happenings_at_idx", "history_happenings", ["at"], unique=False)
    op.create_index("history_happenings_node_id_idx", "history_happenings", ["node_id"], unique=False)
