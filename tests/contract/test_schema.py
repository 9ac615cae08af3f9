"""The migrations make the tables that the code declares."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import carelane
from carelane.access.rights import Right
from carelane.base.errors import ConflictError, Damaged, Unavailable
from carelane.store import database
from carelane.store.database import migrate, newest_schema, open_sqlite
from carelane.store.tables import metadata
from carelane.store.tokens import SqlTokenRepository
from carelane.store.trail import SqlTrail
from tests.contract.schemas import as_of


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "carelane.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "carelane.db")
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO followers VALUES ('someone', 7)"))
    migrate(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT position FROM followers")).scalar() == 7
    engine.dispose()
    with (tmp_path / "carelane.db").open("rb") as file:
        assert file.read(15) == b"SQLite format 3"


RELEASED = {"0.1.0": "0001", "0.2.0": "0002"}
"""The schema of each version that was released; a release adds its own."""


def test_a_version_stands_for_one_schema() -> None:
    """Two programs that call themselves the same must read what the other wrote."""
    newest = newest_schema()
    assert RELEASED.get(carelane.__version__, newest) == newest, "the schema has changed since: a new version"
    if carelane.__version__ not in RELEASED:
        assert ".dev" in carelane.__version__, "a version that is released has its schema above"


def test_what_a_newer_version_wrote_is_refused_in_one_sentence(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "carelane.db")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConflictError, match="was written by a newer Carelane: its schema is 9999") as refused:
        open_sqlite(tmp_path / "carelane.db")
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("kept", [100, 5000])
def test_what_is_no_whole_database_is_refused_in_one_sentence(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "carelane.db"
    open_sqlite(path).dispose()
    path.write_bytes(b"\x00" * kept if kept == 100 else path.read_bytes()[:kept])
    with pytest.raises(Damaged, match=r"carelane\.db is damaged: "):
        open_sqlite(path)


def test_a_database_that_another_program_has_locked_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PRAGMAS", ("busy_timeout=10", *database.PRAGMAS[1:]))
    path = tmp_path / "carelane.db"
    engine = open_sqlite(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match=r"carelane\.db is locked by another program") as caught:
        engine.begin().__enter__()
    assert "fuser" in caught.value.hint
    holder.execute("ROLLBACK")
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10
    holder.close()
    engine.dispose()


def test_the_database_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "carelane.db")
    with engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    engine.dispose()
    assert settings == ["wal", 2]


def test_tokens_that_deploy_somewhere_keep_the_right_to_make_releases(tmp_path: Path) -> None:
    path = tmp_path / "carelane.db"
    with as_of(path, "0004") as connection:
        for name, environments in (("ships", '["development"]'), ("reads", "[]")):
            connection.execute(
                sa.text(
                    "INSERT INTO tokens (name, digest, environments, created_by, created_at)"
                    " VALUES (:name, :name, :environments, 'ada', '2026-11-25 12:00:00.000000')"
                ),
                {"name": name, "environments": environments},
            )
    engine = open_sqlite(path)
    kept = {token.name: token.rights for token in SqlTokenRepository(engine, SqlTrail(engine)).tokens()}
    engine.dispose()
    assert kept == {"ships": (Right.RELEASE,), "reads": ()}
