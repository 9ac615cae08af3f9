"""Tokens in SQL: the `TokenRepository` port."""

from datetime import datetime

import sqlalchemy as sa

from carelane.access.rights import Right
from carelane.access.tokens import Token
from carelane.audit.entries import Entry
from carelane.base.errors import ConflictError, NotFoundError
from carelane.store import tables
from carelane.store.trail import SqlTrail, append, aware


class SqlTokenRepository:
    """Tokens and, in the same transaction, the acts upon them."""

    def __init__(self, engine: sa.Engine, trail: SqlTrail) -> None:
        self._engine = engine
        self._trail = trail

    def add(self, token: Token, entry: Entry) -> None:
        """Keep a new token; raises ConflictError where the name is taken by one in force."""
        t = tables.tokens
        with self._engine.begin() as connection:
            lasting = t.c.expires_at.is_(None) | (t.c.expires_at > token.created_at)
            named = (t.c.name == token.name) & t.c.revoked_at.is_(None) & lasting
            if connection.execute(sa.select(t.c.number).where(named)).first() is not None:
                raise ConflictError(
                    f"there is a token {token.name}",
                    hint=f"carelane token revoke {token.name}, or another name",
                )
            connection.execute(
                t.insert().values(
                    name=token.name,
                    digest=token.digest,
                    environments=list(token.environments),
                    rights=[str(right) for right in token.rights],
                    created_by=token.created_by,
                    created_at=token.created_at,
                    expires_at=token.expires_at,
                )
            )
            append(connection, (entry,))
        self._trail.ring()

    def by_digest(self, digest: str) -> Token | None:
        """The token with that digest; None where there is none."""
        t = tables.tokens
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t).where(t.c.digest == digest)).one_or_none()
        return None if row is None else _token(row)

    def tokens(self) -> list[Token]:
        """All of them, newest first."""
        t = tables.tokens
        with self._engine.connect() as connection:
            return [_token(row) for row in connection.execute(sa.select(t).order_by(t.c.number.desc()))]

    def revoke(self, name: str, at: datetime, entry: Entry) -> None:
        """End a token; raises NotFoundError where none of that name is in force."""
        t = tables.tokens
        with self._engine.begin() as connection:
            done = connection.execute(
                t.update().where(t.c.name == name, t.c.revoked_at.is_(None)).values(revoked_at=at)
            )
            if done.rowcount == 0:
                raise NotFoundError(f"no token {name} is in force", hint="`carelane token list` shows them")
            append(connection, (entry,))
        self._trail.ring()


def _token(row: sa.Row[tuple[object, ...]]) -> Token:
    return Token(
        row.name,
        row.digest,
        tuple(row.environments),
        tuple(Right(right) for right in row.rights),
        row.created_by,
        aware(row.created_at),
        None if row.expires_at is None else aware(row.expires_at),
        None if row.revoked_at is None else aware(row.revoked_at),
    )
