"""The migrations make the tables that the code declares."""

from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from carelane.store.database import migrate, open_sqlite
from carelane.store.tables import metadata


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


def test_the_database_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "carelane.db")
    with engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    engine.dispose()
    assert settings == ["wal", 2]
