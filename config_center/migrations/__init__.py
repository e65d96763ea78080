"""Shell: what brings the tables of a database up to date, step by step; `versions/` has one file a step.

Another kind of database has a folder of its own like this one, and a table of its own that names its last step.

A step is never changed once it was released: a database out there has taken it. A new one goes after it, and
config_center/tables.py follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

FOLDER: Final = Path(__file__).parent
VERSION_TABLE: Final = "alembic_version"


def version_of(connection: sa.Connection, table: str = VERSION_TABLE) -> str:
    """The last step this database has taken; "" where it has none of our tables."""
    if not sa.inspect(connection).has_table(table):
        return ""
    step: sa.ColumnClause[str] = sa.column("version_num", sa.String)
    return connection.scalar(sa.select(step).select_from(sa.table(table, step))) or ""


def upgrade(connection: sa.Connection, folder: Path = FOLDER) -> None:
    """Take all steps that are missing, in the transaction that is open: all or none."""
    from alembic import command  # here, because only who writes to an old database pays for it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
