"""Where tokens are kept."""

from datetime import datetime
from typing import Protocol

from carelane.access.tokens import Token
from carelane.audit.entries import Entry


class TokenRepository(Protocol):
    """Tokens, by name and by digest; acts upon them are in the trail, in the same transaction."""

    def add(self, token: Token, entry: Entry) -> None:
        """Keep a new token; raises ConflictError where the name is taken by one that is valid."""
        ...

    def by_digest(self, digest: str) -> Token | None:
        """The token with that digest; None where there is none."""
        ...

    def tokens(self) -> list[Token]:
        """All of them, revoked ones too, newest first."""
        ...

    def revoke(self, name: str, at: datetime, entry: Entry) -> None:
        """End a token; raises NotFoundError where none of that name is in force."""
        ...
