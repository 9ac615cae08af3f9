"""Alembic's way in: it runs on the connection that the command made, within its transaction."""

from alembic import context

from backend import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.metadata)
context.run_migrations()
