"""What alembic runs: the migrations still missing, on the connection and in the transaction that `migrate` opened."""

from __future__ import annotations

from alembic import context

from config_center.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
