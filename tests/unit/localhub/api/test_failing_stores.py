"""What the API says where the store fails for now."""

import asyncio
import json
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any, cast

from localhub.api.app import application
from localhub.hub.parts import Localhub
from localhub.runs.ports import StoreUnavailableError


def asked(hub: SimpleNamespace, path: str) -> tuple[int, dict[bytes, bytes], Any]:
    """Status, headers and JSON of the answer to a GET."""
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", b"token t")],
    }

    async def ask() -> None:
        await application(cast(Localhub, hub))(scope, receive, send)

    asyncio.run(ask())
    return said[0]["status"], dict(said[0]["headers"]), json.loads(said[1]["body"])


def test_it_is_to_be_asked_again_later() -> None:
    def get(_name: str) -> None:
        raise StoreUnavailableError("database is locked")

    hub = SimpleNamespace(login=lambda _: "ada", job_tokens={}, repositories=SimpleNamespace(get=get))
    status, headers, body = asked(hub, "/repos/acme/app")
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert body["message"] == "localhub's store fails for now: database is locked"
