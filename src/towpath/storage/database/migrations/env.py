"""Runs migrations over the connection that `schema.migrate` opened."""

from alembic import context

from towpath.storage.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
