"""What Alembic runs: the steps, over the connection that `connector.store.schema` hands in, in its transaction."""

from __future__ import annotations

from alembic import context

from connector.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column: the table is made anew
    transactional_ddl=True,
)
context.run_migrations()
