"""Answers given under an idempotency key: asked again, the same answer, and nothing done twice."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from carelane.access.answers import Answered
from carelane.store import tables

KEPT = timedelta(days=1)


class SqlAnswers:
    """The answers, by actor and key."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(self, actor: str, key: str, request_digest: str) -> Answered | None:
        """Take the key for a request; what is known where somebody has it already."""
        t = tables.answers
        mine = (t.c.actor == actor) & (t.c.key == key)
        with self._engine.begin() as connection:
            connection.execute(t.delete().where(t.c.at < datetime.now(UTC) - KEPT))
            known = connection.execute(sa.select(t).where(mine)).one_or_none()
            if known is not None:
                return Answered(known.request_digest, known.status, known.body)
            connection.execute(
                t.insert().values(actor=actor, key=key, request_digest=request_digest, at=datetime.now(UTC))
            )
        return None

    def keep(self, actor: str, key: str, status: int, body: bytes) -> None:
        """Write down the answer."""
        t = tables.answers
        with self._engine.begin() as connection:
            connection.execute(
                t.update().where(t.c.actor == actor, t.c.key == key).values(status=status, body=body)
            )

    def release(self, actor: str, key: str) -> None:
        """Give the key back: nothing was done."""
        t = tables.answers
        with self._engine.begin() as connection:
            connection.execute(t.delete().where(t.c.actor == actor, t.c.key == key))
