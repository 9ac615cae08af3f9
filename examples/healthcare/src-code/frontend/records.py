"""The backend's API as the pages use it, over kept-alive connections."""

from contextvars import ContextVar
from typing import Any

import aiohttp

# Shorter than the backend's own 75 s: this side closes idle connections, so no request meets a closing one.
_KEEP_ALIVE_SECONDS = 60
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
_CONNECTIONS = 64
_FIRST_ERROR_STATUS = 400

IDENTITY_COOKIE = "carelane"
"""What the proxy in front knows a user by; passed on, so that a user has one version of the backend too."""
on_behalf_of: ContextVar[str] = ContextVar("on_behalf_of", default="")
"""The identity of the user whose page is being made."""


class BackendError(Exception):
    """The backend did not do what was asked.

    Attributes:
        status: Its answer's status; 502 where no answer came.
        detail: What it said, for the reader.
    """

    def __init__(self, status: int, detail: str) -> None:
        """Refused with *status* because of *detail*."""
        super().__init__(f"{status} {detail}")
        self.status = status
        self.detail = detail


class Records:
    """A client of the backend's API."""

    def __init__(self, backend_url: str) -> None:
        """Speak to *backend_url*; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            backend_url,
            timeout=_TIMEOUT,
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, path: str, token: str, **query: str | int) -> Any:  # noqa: ANN401 - it is JSON
        """What *path* holds, as JSON."""
        return await self._call("GET", path, token, params=query)

    async def post(self, path: str, token: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - it is JSON
        """Send *body* to *path* and get its answer, as JSON."""
        return await self._call("POST", path, token, json=body)

    async def delete(self, path: str, token: str) -> None:
        """Delete *path*."""
        await self._call("DELETE", path, token)

    async def _call(self, method: str, path: str, token: str, **options: Any) -> Any:  # noqa: ANN401 - it is JSON
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if identity := on_behalf_of.get():
            headers["cookie"] = f"{IDENTITY_COOKIE}={identity}"
        try:
            async with self._session.request(method, path, headers=headers, **options) as answer:
                told = await answer.json(content_type=None) if answer.content_length != 0 else None
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise BackendError(502, "the records are unavailable for the moment") from error
        if status >= _FIRST_ERROR_STATUS:
            detail = told.get("detail", "") if isinstance(told, dict) else ""
            raise BackendError(status, detail or "the records are unavailable for the moment")
        return told
