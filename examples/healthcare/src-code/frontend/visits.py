"""Cookies, and the protection of forms against other sites.

Nothing is kept in the process: a form's token is a keyed hash over the visitor's own cookies,
so a form that one instance of one version made is good for any other that has the key.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

SESSION_COOKIE = "session"
VISIT_COOKIE = "visit"
SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Visit:
    """One visitor: an identity for forms, and the backend's session token once signed in ("" before)."""

    identity: str
    session: str

    def form_token(self, key: str) -> str:
        """What a form of this visitor carries."""
        message = f"{self.identity}\n{self.session}".encode()
        return hmac.new(b"form:" + key.encode(), message, hashlib.sha256).hexdigest()

    def owns(self, form_token: str, keys: tuple[str, ...]) -> bool:
        """Whether a form with *form_token* was made for this visitor, with any of *keys*."""
        offered = form_token.encode()
        return any(hmac.compare_digest(self.form_token(key).encode(), offered) for key in keys)


def read(request: Request) -> Visit:
    """Who visits; a new identity for a browser that has none."""
    cookies = request.cookies
    return Visit(cookies.get(VISIT_COOKIE) or secrets.token_urlsafe(16), cookies.get(SESSION_COOKIE, ""))


def remember(response: Response, name: str, value: str, *, secure: bool) -> None:
    """Set a cookie that scripts and other sites' forms do not get."""
    response.set_cookie(name, value, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)
