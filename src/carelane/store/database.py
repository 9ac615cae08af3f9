"""Opening the database: SQLite in WAL mode by default, brought to the current schema by Alembic."""

import sqlite3
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import carelane
from carelane.base.errors import CarelaneError, ConflictError, Damaged, DiskFull, Unavailable

FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_SHM")
"""How SQLite names that there is no room; a disk that takes nothing any more is as full as any."""
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
PRAGMAS = ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL")


def open_sqlite(path: Path) -> sa.Engine:
    """An engine on the database file at *path*, made and migrated if need be.

    Every transaction begins IMMEDIATE: what reads and then writes cannot be overtaken in between.

    Raises:
        ConflictError: If a newer Carelane wrote it.
        Damaged: If it is no database, or not a whole one.
        DiskFull: If there is no room for it.
        Unavailable: If another program has it locked for half a minute.
    """
    engine = sa.create_engine(address_of(path), pool_size=8)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: SQLiteConnection, _record: object) -> None:
        connection.isolation_level = None
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise translated(path, error) or error from error

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    @sa.event.listens_for(engine, "handle_error")
    def _translate(context: sa.engine.ExceptionContext) -> None:
        known = translated(path, context.original_exception)
        if known is not None:
            raise known from context.original_exception

    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def address_of(path: Path) -> sa.URL:
    """The address of the database file at *path*, whatever characters are in it."""
    return sa.URL.create("sqlite", database=str(path))


def translated(path: Path, error: BaseException | None) -> CarelaneError | None:
    """What SQLite's *error* on the file at *path* means to a user; None where it means nothing to them."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if not isinstance(error, sqlite3.Error):
        return None
    if name.startswith(FULL):
        return DiskFull(
            f"{path.name} cannot be written: {error}",
            hint=f"make room on the disk of {path.parent}: `carelane prune`; an emergency rollback and that"
            " have 64 MiB kept back, where there was enough (`carelane disk`)",
        )
    if name.startswith(DAMAGED):
        return Damaged(
            f"{path.name} is damaged: {error}",
            hint="`carelane state check` says more; `carelane state restore FILE` puts a backup in its place",
        )
    if name.startswith(BUSY):
        return Unavailable(
            f"{path.name} is locked by another program ({error})",
            hint=f"`fuser -v {path}` names it; `carelane state backup` makes a copy without a lock",
        )
    return None


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest version; raises ConflictError where it is of a newer Carelane."""
    config = alembic_config()
    with engine.begin() as connection:
        refuse_newer(str(engine.url.database), MigrationContext.configure(connection).get_current_revision())
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def refuse_newer(name: str, schema: str | None) -> None:
    """Raise ConflictError where *schema*, of the database *name*, is none that this version knows."""
    scripts = ScriptDirectory.from_config(alembic_config())
    if schema is None or schema in {script.revision for script in scripts.walk_revisions()}:
        return
    raise ConflictError(
        f"{Path(name).name} was written by a newer Carelane: its schema is {schema}, this version"
        f" ({carelane.__version__}) knows those up to {scripts.get_current_head()}",
        hint="use that version, or `carelane state restore` a backup of this one",
    )


def newest_schema() -> str | None:
    """The schema that this version writes."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def alembic_config() -> Config:
    """How the migrations are found."""
    config = Config()
    # A % is the beginning of something else there.
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    return config
