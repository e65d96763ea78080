"""What alembic runs: the migrations still missing, on the connection and in the transaction that `migrate` opened."""

from __future__ import annotations

from alembic import context

from inspector_coord.history.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
