"""/tokens: made and ended by people, never by a token."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from carelane.access import tokens
from carelane.access.rights import Right
from carelane.access.tokens import Token
from carelane.api.actors import Actor
from carelane.api.environments import Body
from carelane.api.limits import Name
from carelane.audit.entries import Detail, Entry
from carelane.base.clock import Clock
from carelane.bootstrap.app import App


class TokenBody(Body):
    """A token's name, where it may deploy to, what else it may do, and how long it is good."""

    name: Name = Field(json_schema_extra={"pattern": "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"})
    environments: list[Name] = Field(default_factory=list, max_length=1000)
    rights: list[Literal[Right.RELEASE, Right.WEAKEN]] = Field(default_factory=list, max_length=10)
    days: float | None = Field(None, gt=0, le=3650)


@dataclass(frozen=True)
class ShownToken:
    """A token as it is shown: without its digest; with its value only as it is made."""

    name: str
    environments: tuple[str, ...]
    rights: tuple[Right, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    value: str | None = None


def _shown(token: Token, value: str | None = None) -> ShownToken:
    return ShownToken(
        token.name,
        token.environments,
        token.rights,
        token.created_by,
        token.created_at,
        token.expires_at,
        token.revoked_at,
        value,
    )


def routes(app: App, clock: Clock) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/tokens", tags=["tokens"])

    @router.get("", summary="Tokens, newest first")
    def list_tokens() -> list[ShownToken]:
        return [_shown(token) for token in app.tokens.tokens()]

    @router.post("", status_code=201, summary="Make a token; its value is told this once")
    def create_token(body: TokenBody, actor: Actor) -> ShownToken:
        tokens.check_name(body.name)
        tokens.check_environments(body.environments, list(app.environments))
        now = clock.now()
        value = tokens.PREFIX + secrets.token_urlsafe(32)
        expires = None if body.days is None else now + timedelta(days=body.days)
        granted = tuple(right for right in tokens.GRANTED if right in body.rights)
        token = Token(body.name, tokens.digest(value), tuple(body.environments), granted, actor, now, expires)
        details: dict[str, Detail] = {
            "environments": list(token.environments),
            "rights": [str(right) for right in granted],
        }
        app.tokens.add(token, Entry(now, actor, "token.created", token.name, details=details))
        return _shown(token, value)

    @router.post("/{name}/revoke", summary="End a token at once")
    def revoke_token(name: Name, actor: Actor) -> dict[str, str]:
        now = clock.now()
        app.tokens.revoke(name, now, Entry(now, actor, "token.revoked", name))
        return {"revoked": name}

    return router
