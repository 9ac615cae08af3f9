"""``python -m backend.migrations``: bring the database up to date, and seed an empty one.

Safe to repeat and to run twice at once: a lock in the database lets the second wait for the first.
A schema of a later version is left as it is, for a rollback runs this command of the version before.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path

import alembic.command
import alembic.config
import alembic.script
import sqlalchemy
from sqlalchemy import Connection

from backend import databases, settings
from backend.migrations import seeds
from service_kit import logs, programs
from service_kit.settings import read_service

# Any number will do, as long as every version of this command uses the same.
_LOCK = 7_422_001

_log = logging.getLogger("backend.migrations")


def main() -> None:
    """Migrate the database that DATABASE_URL names."""
    configured = programs.read_or_exit(
        lambda reader: (
            read_service("migrations", reader, settings.DEFAULT_PORT),
            reader.text("DATABASE_URL"),
            settings.read_time_zone(reader),
        )
    )
    service, url, zone = configured
    logs.configure(service)
    engine = sqlalchemy.create_engine(databases.with_driver(url), hide_parameters=True)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        upgrade(connection)
        seeds.seed_empty(connection, zone, datetime.now(UTC))
    engine.dispose()


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of *connection*."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    ours = alembic.script.ScriptDirectory.from_config(config).get_current_head() or ""
    present = _present_revision(connection)
    if present is not None and present > ours:
        _log.info("the schema is of a later version; left as it is", extra={"present": present, "ours": ours})
        return
    alembic.command.upgrade(config, "head")
    _log.info("the schema is up to date", extra={"before": present, "now": ours})


def _present_revision(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sqlalchemy.text("SELECT version_num FROM alembic_version"))
    return revision


if __name__ == "__main__":
    main()
