"""Copies of the database, and whether one is whole: by SQLite's own means, on the file alone."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from carelane.base.errors import CarelaneError, Damaged, NotFoundError, not_written
from carelane.store.database import refuse_newer, translated

PAGES_AT_ONCE = 1000
BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database in WAL mode."""


@dataclass(frozen=True)
class Found:
    """What a whole database holds, in short."""

    schema: str | None
    entries: int
    deployments: int


def check(path: Path) -> Found:
    """See that the database at *path* is whole: its pages, its schema, the trail without gaps.

    Raises:
        NotFoundError: If there is none.
        Damaged: If it is not whole.
        ConflictError: If a newer Carelane wrote it.
    """
    if not path.exists() or path.stat().st_size == 0:
        raise NotFoundError(
            f"no database at {path}", hint="`carelane state restore FILE` puts a backup there"
        )
    try:
        with closing(sqlite3.connect(path)) as connection:
            return _checked(path, connection)
    except sqlite3.Error as error:
        raise translated(path, error) or Damaged(f"{path.name} is damaged: {error}") from error


def _checked(path: Path, connection: sqlite3.Connection) -> Found:
    wrong = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    if wrong != ["ok"]:
        raise Damaged(f"{path.name} is damaged: {'; '.join(wrong)}")
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "entries", "environments", "deployments"} <= tables:
        raise Damaged(f"{path.name} is no database of Carelane's", hint="is it the right file?")
    schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    refuse_newer(str(path), schema[0] if schema else None)
    entries, last = connection.execute("SELECT count(*), coalesce(max(position), 0) FROM entries").fetchone()
    if entries != last:
        raise Damaged(f"{path.name} has {entries} entries, and the last is number {last}: some are missing")
    deployments = connection.execute("SELECT count(*) FROM deployments").fetchone()[0]
    return Found(schema[0] if schema else None, entries, deployments)


def copy(source: Path, target: Path) -> Found:
    """Copy the database at *source*, as it is at one moment, to *target*; who writes goes on meanwhile.

    It is at *target* once it is whole and seen to be so.

    Raises:
        CarelaneError: If *source* is missing or damaged, or *target* cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as reading,
            closing(sqlite3.connect(part)) as writing,
        ):
            reading.backup(writing, pages=PAGES_AT_ONCE)
            writing.execute("PRAGMA journal_mode=DELETE")
        found = check(part)
        part.replace(target)
    except sqlite3.Error as error:
        raise _not_copied(source, target, error) from error
    except OSError as error:
        raise not_written(str(target), error) from error
    finally:
        for left in (part, *(part.with_name(part.name + end) for end in BESIDE)):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    return found


def _not_copied(source: Path, target: Path, error: sqlite3.Error) -> CarelaneError:
    known = translated(source, error)
    return known or Damaged(f"cannot copy {source} to {target}: {error}")


def set_aside(path: Path, mark: str) -> Path | None:
    """Rename the database at *path* with what lies beside it; its new name, None where there was none."""
    if not path.exists():
        return None
    for end in ("", *BESIDE):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(path.with_name(f"{path.name}.{mark}{end}"))
    return path.with_name(f"{path.name}.{mark}")
