"""The first tables: releases, parts, the audit trail, nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# What is written there once is never changed: (table, key columns).
FOR_EVER = {"releases": ("digest", "number"), "parts": ("sha256",), "acts": ("serial",)}


def upgrade() -> None:
    """Make the tables, and the triggers that hold those FOR_EVER."""
    op.create_table(
        "releases",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="releases_pkey"),
        sa.UniqueConstraint("number", name="releases_number_key"),
    )
    op.create_table(
        "parts",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="parts_pkey"),
    )
    op.create_table(
        "acts",
        sa.Column("serial", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("git_commit", sa.String(64), nullable=False),
        sa.Column("unclean", sa.Boolean, nullable=False),
        sa.Column("pointer", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("serial", name="acts_pkey"),
        sa.ForeignKeyConstraint(["digest"], ["releases.digest"], name="acts_digest_fkey"),
    )
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("seen", sa.String(32), nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="nodes_pkey"),
    )
    hold = _hold_sqlite if op.get_bind().dialect.name == "sqlite" else _hold_postgresql
    for table, keys in FOR_EVER.items():
        for statement in hold(table, keys):
            op.execute(statement)


def _hold_sqlite(table: str, keys: tuple[str, ...]) -> list[str]:
    """The third refuses INSERT OR REPLACE, which would delete without asking the second."""
    there = " OR ".join(f"{key} = NEW.{key}" for key in keys)
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table}: rows are only ever added'); END"
    exists = f"EXISTS (SELECT 1 FROM {table} WHERE {there})"  # noqa: S608 - names of this file
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} {refuse}",
    ]


def _hold_postgresql(table: str, _keys: tuple[str, ...]) -> list[str]:
    refuse = f"BEGIN RAISE EXCEPTION '{table}: rows are only ever added'; END"
    changes = "UPDATE OR DELETE OR TRUNCATE"
    return [
        f"CREATE FUNCTION {table}_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$",
        f"CREATE TRIGGER {table}_no_change BEFORE {changes} ON {table} EXECUTE FUNCTION {table}_for_ever()",
    ]
