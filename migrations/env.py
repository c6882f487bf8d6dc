"""Runs the migrations on the connection that it is handed, inside the transaction that is already open there."""

from alembic import context

_given = context.config.attributes

context.configure(
    connection=_given["connection"],
    target_metadata=_given["metadata"],
    version_table=_given["version_table"],
    transactional_ddl=True,  # on SQLite too: the transaction was begun by us, not by its driver
    render_as_batch=True,
)
context.run_migrations()
