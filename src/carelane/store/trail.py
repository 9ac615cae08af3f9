"""The trail in the database, and the bell that rings when it grows."""

import threading
from datetime import UTC, datetime

import sqlalchemy as sa

from carelane.audit import effects
from carelane.audit.entries import Entry, Positioned
from carelane.store import tables


def append(connection: sa.Connection, entries: tuple[Entry, ...]) -> None:
    """Write *entries* within the caller's transaction; with one writer, position follows commit."""
    if not entries:
        return
    rows = [
        {
            "at": e.at,
            "actor": e.actor,
            "act": e.act,
            "subject": e.subject,
            "environment": e.environment,
            "reason": e.reason,
            "details": dict(e.details),
        }
        for e in entries
    ]
    connection.execute(tables.entries.insert(), rows)


class SqlTrail:
    """The trail's readers' side, and the only place that knows when it has grown."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(read_only=True)
        self._grown = threading.Condition()
        self._last = self._read_last()

    def after(self, position: int, limit: int = 500) -> list[Positioned]:
        """The entries behind *position*, oldest first."""
        t = tables.entries.c
        query = sa.select(tables.entries).where(t.position > position).order_by(t.position).limit(limit)
        with self._engine.begin() as connection:
            return [_positioned(row) for row in connection.execute(query)]

    def last_position(self) -> int:
        """The position of the newest entry; 0 while there is none."""
        return self._last

    def wait(self, position: int, timeout_seconds: float) -> bool:
        """Wait until there is an entry behind *position*; False if none came in time."""
        with self._grown:
            return self._grown.wait_for(lambda: self._last > position, timeout_seconds)

    def ring(self) -> None:
        """Tell those who wait, and whoever asked for it, that entries were committed."""
        effects.recorded()
        last = self._read_last()
        with self._grown:
            self._last = max(self._last, last)
            self._grown.notify_all()

    def _read_last(self) -> int:
        with self._engine.begin() as connection:
            return connection.execute(sa.select(sa.func.max(tables.entries.c.position))).scalar() or 0


def aware(moment: datetime) -> datetime:
    """SQLite forgets the zone; all that is stored is UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _positioned(row: sa.Row[tuple[object, ...]]) -> Positioned:
    r = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    entry = Entry(
        aware(r["at"]), r["actor"], r["act"], r["subject"], r["environment"], r["reason"], r["details"]
    )
    return Positioned(r["position"], entry)
