"""Tokens: who asks by one, and what it lets them do. Pure; only a token's digest is ever kept."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from carelane.access import rights
from carelane.access.rights import Right
from carelane.base.errors import InputError, NotFoundError, RefusedError

PREFIX = "cl_"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
GRANTED = (Right.RELEASE, Right.WEAKEN)
"""What a token may be given beside reading and environments to deploy to; all else is people's."""
_WORDS = {Right.RELEASE: "make releases", Right.WEAKEN: "name a weaker strategy"}


@dataclass(frozen=True)
class Token:
    """What is known of a token; its value only by whoever was given it.

    It may read everything; *environments* are those that it may deploy to, *rights* what else it may.
    """

    name: str
    digest: str
    environments: tuple[str, ...]
    rights: tuple[Right, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def actor(self) -> str:
        """How the trail names who used it."""
        return f"token {self.name}"

    def valid(self, now: datetime) -> bool:
        """Whether it is good at *now*."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def digest(value: str) -> str:
    """What is kept of a token's value: its SHA-256, in hex. The value has 256 random bits, so no salt."""
    return hashlib.sha256(value.encode()).hexdigest()


def check_name(name: str) -> None:
    """Raises InputError where *name* cannot name a token."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be a token's name", hint="small letters, digits and -, 63 at most")


def check_environments(wanted: Sequence[str], known: Sequence[str]) -> None:
    """Raises NotFoundError where a scope names an environment that is not there."""
    for name in wanted:
        if name not in known:
            raise NotFoundError(f"no environment {name!r}", hint=f"known: {', '.join(known)}")


def check(token: Token, method: str, path: str) -> frozenset[Right]:
    """The rights with which *token*'s bearer does this.

    Args:
        token: A valid one.
        method: GET, POST, …
        path: Of the request, as it is routed: /api/v1/….

    Raises:
        RefusedError: If the token does not let them.
    """
    need = rights.needed(method, path)
    has = {Right.READ, *token.rights}
    if need.environment in token.environments:
        has.add(Right.DEPLOY)
    if need.right not in has:
        raise RefusedError(f"token {token.name} may not {method} {path}", hint=f"it may {allowed(token)}")
    return frozenset(has)


def allowed(token: Token) -> str:
    """What *token* lets its bearer do, in words."""
    more = [_WORDS[right] for right in GRANTED if right in token.rights]
    deploy = f"deploy to {', '.join(token.environments) or 'no environment'}"
    return f"{', '.join(['read', *more])} and {deploy}; a person may do more"
