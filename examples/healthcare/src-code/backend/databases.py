"""The way to PostgreSQL."""

import asyncio
import time

import psycopg
import sqlalchemy
from sqlalchemy import Engine, make_url

HEALTH_SECONDS = 2.0
# Longer than a statement may take: it ends the wait for a database that does not even say no.
ANSWER_SECONDS = 7.0
_STATEMENT_MILLISECONDS = 5000
# As many threads as connections: no request ever waits for one while holding the other.
CONNECTIONS = 4


def with_driver(url: str) -> sqlalchemy.URL:
    """*url*, a plain ``postgresql://`` one, for SQLAlchemy with psycopg 3."""
    return make_url(url).set(drivername="postgresql+psycopg")


def open_engine(url: str) -> Engine:
    """A pool of connections to *url*; connects with the first query.

    Parameters stay out of error messages: they are patient data. Connections are not tried before use, which would
    double the round trips of a read: the first error of a lost database empties the pool instead.
    """
    return sqlalchemy.create_engine(
        with_driver(url),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 3,
            "application_name": "healthcare-backend",
            "options": f"-c timezone=UTC -c statement_timeout={_STATEMENT_MILLISECONDS}",
        },
    )


async def check(url: str) -> dict[str, object]:
    """Whether a fresh connection to *url* answers a query on our schema within HEALTH_SECONDS.

    Returns:
        ``status`` ("ok" or "failed"), ``milliseconds``, and either the schema's ``revision`` or an ``error``.
    """
    started = time.perf_counter()
    found: dict[str, object] = {}
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            connection = await psycopg.AsyncConnection.connect(url, application_name="healthcare-health")
            try:
                row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
            finally:
                await connection.close()
        found.update(status="ok", revision=row[0] if row else None)
    except (psycopg.Error, OSError, TimeoutError) as error:
        found.update(status="failed", error=type(error).__name__)
    found["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
    return found
