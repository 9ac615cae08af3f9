"""What users got, in the database: a row for each version in each bucket."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

import sqlalchemy as sa

from carelane.analysis.traffic import (
    BUCKET_SECONDS,
    KEPT_FOR,
    MERGED_AFTER,
    MINUTE_SECONDS,
    Bucket,
    Counted,
    minute,
    to_minutes,
)
from carelane.store import tables
from carelane.store.trail import aware

AT_ONCE = timedelta(hours=1)
"""How much time one pass merges or drops: some thousand rows, a few hundredths of a second."""
Row = sa.Row[tuple[object, ...]]


class SqlTrafficStore:
    """The TrafficStore port over SQLAlchemy Core."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)

    def add(self, environment: str, bucket: Bucket) -> None:
        """Keep *bucket*, once."""
        t = tables.traffic
        there = sa.select(t.c.label).where(
            t.c.environment == environment,
            t.c.began_at == bucket.began_at,
            t.c.width_seconds == bucket.width_seconds,
        )
        with self._engine.begin() as connection:
            if connection.execute(there.limit(1)).first() is None:
                _insert(connection, environment, [bucket])

    def kept(self, environment: str, service: str | None, since: datetime, until: datetime) -> list[Bucket]:
        """Oldest first."""
        t = tables.traffic
        query = sa.select(t).where(
            t.c.environment == environment, t.c.began_at >= since, t.c.began_at < until
        )
        if service is not None:
            query = query.where(t.c.service == service)
        else:  # in the words of an index: of all services it is asked for what came last
            query = query.where(t.c.width_seconds.in_((BUCKET_SECONDS, MINUTE_SECONDS)))
        with self._reading.begin() as connection:
            return _buckets(connection.execute(query.order_by(t.c.began_at, t.c.width_seconds)))

    def thin(self, now: datetime) -> bool:
        """Merge and drop the oldest hour that is due; whether more is."""
        with self._engine.begin() as connection:
            dropped = _drop(connection, now - KEPT_FOR)
            return _merge(connection, minute(now - MERGED_AFTER)) or dropped


def _oldest(connection: sa.Connection, width_seconds: int, before: datetime) -> datetime | None:
    """When the oldest bucket of this width began, if that was *before*."""
    t = tables.traffic
    query = sa.select(sa.func.min(t.c.began_at)).where(t.c.width_seconds == width_seconds)
    found = connection.execute(query).scalar()
    return aware(found) if found is not None and aware(found) < before else None


def _drop(connection: sa.Connection, before: datetime) -> bool:
    """Drop minutes that began *before*; what is finer and as old becomes one first."""
    oldest = _oldest(connection, MINUTE_SECONDS, before)
    if oldest is None:
        return False
    t = tables.traffic
    upto = min(before, oldest + AT_ONCE)
    connection.execute(t.delete().where(t.c.width_seconds == MINUTE_SECONDS, t.c.began_at < upto))
    return True


def _merge(connection: sa.Connection, before: datetime) -> bool:
    """Merge what began *before* a whole minute; each pass ends at one, so that none is merged in parts."""
    oldest = _oldest(connection, BUCKET_SECONDS, before)
    if oldest is None:
        return False
    t = tables.traffic
    upto = min(before, minute(oldest) + AT_ONCE)
    due = (t.c.width_seconds == BUCKET_SECONDS) & (t.c.began_at < upto)
    rows = connection.execute(sa.select(t).where(due).order_by(t.c.environment, t.c.began_at)).all()
    connection.execute(t.delete().where(due))
    for environment, of_one in groupby(rows, lambda row: row.environment):
        _insert(connection, environment, to_minutes(_buckets(of_one)))
    return True


def _insert(connection: sa.Connection, environment: str, buckets: Iterable[Bucket]) -> None:
    rows = [
        {
            "environment": environment,
            "service": service,
            "label": label,
            "began_at": bucket.began_at,
            "width_seconds": bucket.width_seconds,
            "seconds": bucket.seconds,
            "requests": counted.requests,
            "errors": counted.errors,
            "slow": {str(ms): count for ms, count in counted.slow.items()},
        }
        for bucket in buckets
        for (service, label), counted in bucket.counts.items()
    ]
    if rows:
        connection.execute(tables.traffic.insert(), rows)


def _buckets(rows: Iterable[Row]) -> list[Bucket]:
    """The buckets that *rows*, in order, are of."""
    found = []
    for (began_at, width_seconds), of_one in groupby(rows, lambda row: (row.began_at, row.width_seconds)):
        parts = list(of_one)
        counts = {(row.service, row.label): _counted(row) for row in parts}
        found.append(Bucket(aware(began_at), parts[0].seconds, counts, width_seconds))
    return found


def _counted(row: Row) -> Counted:
    r = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    return Counted(r["requests"], r["errors"], {int(ms): count for ms, count in r["slow"].items()})
