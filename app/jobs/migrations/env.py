"""Alembic runs this to apply the migrations over the connection it was handed."""

from alembic import context

from app.jobs.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
