"""Opening the database: SQLite in WAL mode by default, brought to the current schema by Alembic."""

import sqlite3
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from carelane.base.errors import DiskFull

FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_SHM")
"""How SQLite names that there is no room; a disk that takes nothing any more is as full as any."""
PRAGMAS = ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL")


def open_sqlite(path: Path) -> sa.Engine:
    """An engine on the database file at *path*, made and migrated if need be.

    Every transaction begins IMMEDIATE: what reads and then writes cannot be overtaken in between.
    """
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=8)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: SQLiteConnection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    @sa.event.listens_for(engine, "handle_error")
    def _translate(context: sa.engine.ExceptionContext) -> None:
        error = context.original_exception
        name = getattr(error, "sqlite_errorname", "")
        if isinstance(error, sqlite3.Error) and name.startswith(FULL):
            raise DiskFull(
                f"{path.name} cannot be written: {error}",
                hint=f"make room on the disk of {path.parent}; an emergency rollback works all the same",
            ) from error

    migrate(engine)
    return engine


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
