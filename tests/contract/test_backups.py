"""Copies of the database: made while it is written, whole or not there, and seen to be so."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from carelane.audit.entries import Entry
from carelane.base.clock import RealClock
from carelane.base.errors import CarelaneError, ConflictError, Damaged, NotFoundError
from carelane.store import backups
from carelane.store.database import open_sqlite
from carelane.store.trail import append


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with ten entries."""
    path = tmp_path / "carelane.db"
    engine = open_sqlite(path)
    entry = Entry(RealClock().now(), "alice", "release.created", "v1", reason="x" * 5000)
    with engine.begin() as connection:
        append(connection, (entry,) * 10)
    engine.dispose()
    return path


def test_a_copy_is_what_was_there_at_one_moment_while_it_is_written(database: Path, tmp_path: Path) -> None:
    engine, stop, written = open_sqlite(database), threading.Event(), threading.Event()
    entry = Entry(RealClock().now(), "alice", "release.created", "v1", reason="x" * 5000)

    def write() -> None:
        while not stop.is_set():
            with engine.begin() as connection:
                append(connection, (entry, entry))  # two at once: a copy has an even number
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        found = backups.copy(database, tmp_path / "copy.db")
    finally:
        stop.set()
        writer.join()
        engine.dispose()
    assert found.entries >= 12
    assert found.entries % 2 == 0
    assert backups.check(tmp_path / "copy.db") == found
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.db"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0


def test_a_whole_one_is_said_to_be_so(database: Path) -> None:
    assert backups.check(database).entries == 10


def test_none_and_an_empty_one_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("missing.db", "empty.db"):
        with pytest.raises(NotFoundError):
            backups.check(tmp_path / name)


def spoiled(database: Path) -> None:
    """Overwrite pages in the middle."""
    raw = bytearray(database.read_bytes())
    raw[8192:16384] = b"\xff" * 8192
    database.write_bytes(raw)


def cut(database: Path) -> None:
    """Lose the second half."""
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])


def gap(database: Path) -> None:
    """Lose an entry."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM entries WHERE position = 5")


def other(database: Path) -> None:
    """Somebody else's database."""
    database.unlink()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE cats (name)")


@pytest.mark.parametrize("damage", [spoiled, cut, gap, other])
def test_what_is_not_whole_is_found_and_never_a_backup(
    database: Path, tmp_path: Path, damage: object
) -> None:
    damage(database)  # type: ignore[operator]  # one of the above
    with pytest.raises(Damaged):
        backups.check(database)
    with pytest.raises(CarelaneError):
        backups.copy(database, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


def test_one_of_a_newer_version_is_refused(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConflictError, match="written by a newer Carelane"):
        backups.check(database)


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%41b", "a b", "ü"])
def test_a_path_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    open_sqlite(folder / "carelane.db").dispose()
    found = backups.copy(folder / "carelane.db", folder / "copy.db")
    assert backups.check(folder / "copy.db") == found == backups.check(folder / "carelane.db")
    assert [path.name for path in tmp_path.iterdir()] == [name]
