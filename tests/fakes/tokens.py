"""Tokens in a list."""

from dataclasses import replace
from datetime import datetime

from carelane.access.tokens import Token
from carelane.audit.entries import Entry
from carelane.base.errors import ConflictError, NotFoundError
from tests.fakes.trail import InMemoryTrail


class InMemoryTokens:
    """The TokenRepository port in memory."""

    def __init__(self, trail: InMemoryTrail) -> None:
        self._trail = trail
        self._tokens: list[Token] = []

    def add(self, token: Token, entry: Entry) -> None:
        """Keep it, where no valid one has its name."""
        if any(known.name == token.name and known.valid(token.created_at) for known in self._tokens):
            raise ConflictError(f"there is a token {token.name}")
        self._tokens.append(token)
        self._trail.append((entry,))

    def by_digest(self, digest: str) -> Token | None:
        """The one with that digest."""
        return next((token for token in self._tokens if token.digest == digest), None)

    def tokens(self) -> list[Token]:
        """Newest first."""
        return self._tokens[::-1]

    def revoke(self, name: str, at: datetime, entry: Entry) -> None:
        """End it."""
        if not any(token.name == name and token.revoked_at is None for token in self._tokens):
            raise NotFoundError(f"no token {name} is in force")
        self._tokens = [
            replace(token, revoked_at=at) if token.name == name and token.revoked_at is None else token
            for token in self._tokens
        ]
        self._trail.append((entry,))
