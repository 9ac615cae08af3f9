"""Databases as earlier versions left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from carelane.store.database import alembic_config


@contextmanager
def as_of(path: Path, revision: str) -> Iterator[sa.Connection]:
    """A new database at *path* with the schema of *revision*, to be filled as was done then."""
    plain = sa.create_engine(f"sqlite:///{path}")
    with plain.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    plain.dispose()
