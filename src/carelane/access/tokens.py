"""Tokens: who asks by one, and what it lets them do. Pure; only a token's digest is ever kept."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from carelane.base.errors import InputError, NotFoundError, RefusedError

PREFIX = "cl_"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DEPLOY = re.compile(r"/api/v1/environments/(?P<environment>[^/]+)/deployments")


@dataclass(frozen=True)
class Token:
    """What is known of a token; its value only by whoever was given it.

    *environments* are those that it may deploy to; it may read everything and make releases.
    """

    name: str
    digest: str
    environments: tuple[str, ...]
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


def check(token: Token, method: str, path: str) -> None:
    """Raises RefusedError where *token* does not let its bearer do this.

    Args:
        token: A valid one.
        method: GET, POST, …
        path: Of the request, as it is routed: /api/v1/….
    """
    if method in {"GET", "HEAD"}:
        return
    if method == "POST" and path == "/api/v1/releases":
        return
    deploying = _DEPLOY.fullmatch(path) if method == "POST" else None
    if deploying is not None and deploying["environment"] in token.environments:
        return
    allowed = ", ".join(token.environments) or "no environment"
    raise RefusedError(
        f"token {token.name} may not {method} {path}",
        hint=f"it may read, make releases and deploy to {allowed}; a person may do more",
    )
