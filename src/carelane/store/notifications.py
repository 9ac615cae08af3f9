"""The queue of what is to be told, in the database."""

from datetime import datetime

import sqlalchemy as sa

from carelane.audit.telling import Pending, Told
from carelane.store import tables
from carelane.store.trail import SqlTrail

FOLLOWER = "notifications"


class SqlNotificationQueue:
    """The Queue port over SQLAlchemy Core."""

    def __init__(self, engine: sa.Engine, trail: SqlTrail) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)
        self._trail = trail

    def position(self) -> int:
        """How far the trail was read; the first time, its end: nobody is told of what is long past."""
        t = tables.followers
        with self._reading.begin() as connection:
            known = connection.execute(sa.select(t.c.position).where(t.c.name == FOLLOWER)).scalar()
        if known is not None:
            return int(known)
        last = self._trail.last_position()
        with self._engine.begin() as connection:
            connection.execute(t.insert().values(name=FOLLOWER, position=last))
        return last

    def enqueue(self, upto: int, told: list[tuple[int, str]], now: datetime) -> None:
        """Note how far the trail was read, and who is to be told what."""
        rows = [
            {"position": p, "destination": d, "attempts": 0, "due_at": now, "done": False, "problem": ""}
            for p, d in told
        ]
        t = tables.followers
        with self._engine.begin() as connection:
            if rows:
                connection.execute(tables.deliveries.insert(), rows)
            connection.execute(t.update().where(t.c.name == FOLLOWER).values(position=upto))

    def due(self, now: datetime) -> list[Pending]:
        """What is to be tried now, oldest first."""
        t = tables.deliveries
        query = sa.select(t).where(t.c.done.is_(False), t.c.due_at <= now).order_by(t.c.number).limit(100)
        with self._reading.begin() as connection:
            rows = connection.execute(query).all()
        return [
            Pending(
                row.number, row.destination, self._trail.after(row.position - 1, 1)[0].entry, row.attempts
            )
            for row in rows
        ]

    def told(self, limit: int) -> list[Told]:
        """The newest first, with what each is about."""
        t, e = tables.deliveries, tables.entries
        query = (
            sa.select(t, e.c.act, e.c.subject)
            .join(e, e.c.position == t.c.position)
            .order_by(t.c.number.desc())
            .limit(limit)
        )
        with self._reading.begin() as connection:
            return [
                Told(r.position, r.destination, r.act, r.subject, r.attempts, r.done, r.problem)
                for r in connection.execute(query)
            ]

    def settle(self, number: int, *, done: bool, problem: str, due_at: datetime) -> None:
        """Write down how an attempt went."""
        t = tables.deliveries
        values = {"done": done, "problem": problem, "due_at": due_at, "attempts": t.c.attempts + 1}
        with self._engine.begin() as connection:
            connection.execute(t.update().where(t.c.number == number).values(values))
