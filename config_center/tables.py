"""The tables of the config center's database. How they come to be in a database is told by migrations/."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, MetaData, String, Table, Text

SCHEMA: Final = "0001"
"""The newest migration: what this program reads and writes."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
    }
)

# Canonical bytes, never changed and never deleted; a trigger refuses.
releases = Table(
    "releases",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("raw", LargeBinary, nullable=False),
)

# Executables of the site, by their digest; never changed and never deleted.
parts = Table(
    "parts",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)

# The audit trail: rows are only ever added. The pointer of the last one is the current one.
acts = Table(
    "acts",
    metadata,
    Column("serial", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("digest", String(64), ForeignKey("releases.digest"), nullable=False),
    Column("who", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("why", Text, nullable=False),
    Column("git_commit", String(64), nullable=False),
    Column("unclean", Boolean, nullable=False),
    Column("pointer", LargeBinary, nullable=False),
)

# What nodes told about themselves last; tags and facts are JSON objects of texts.
nodes = Table(
    "nodes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("tags", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("seen", String(32), nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
)
