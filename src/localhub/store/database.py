"""The database file: opened once, made where it is new."""

from pathlib import Path

import sqlalchemy as sa

from localhub.runs.ports import StoreUnavailableError
from localhub.store import tables


def opened(path: Path) -> sa.Engine:
    """The database at *path*, with its tables; readable by its owner alone.

    Every transaction but those of `reading` begins IMMEDIATE: what reads and then writes cannot be
    overtaken in between. Whatever uses it raises StoreUnavailableError where it is locked, its disk is
    full, or the like.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    path.touch(mode=0o600)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": 30, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        only_reads = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    @sa.event.listens_for(engine, "handle_error")
    def _said_in_our_words(context: sa.engine.ExceptionContext) -> None:
        if isinstance(context.sqlalchemy_exception, sa.exc.OperationalError):
            raise StoreUnavailableError(str(context.original_exception)) from context.original_exception

    tables.metadata.create_all(engine)
    return engine


def reading(engine: sa.Engine) -> sa.Engine:
    """The same database for who only reads: it waits for nobody who writes."""
    return engine.execution_options(read_only=True)


def next_id(connection: sa.Connection, kind: str, count: int = 1) -> int:
    """The first of *count* fresh numbers of a kind, from 1."""
    from sqlalchemy.dialects.sqlite import insert

    table = tables.counters
    statement = insert(table).values(kind=kind, value=count)
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.kind], set_={"value": table.c.value + count}
    )
    last = connection.execute(statement.returning(table.c.value)).scalar_one()
    return int(last) - count + 1
