"""Whose releases are packed in a sandbox or not at all."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI

from carelane.api import releases
from carelane.delivery.releases import Release
from carelane.delivery.releasing import Made


@dataclass
class Recorded:
    """Makes a release of nothing, and notes how it was asked for."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    def create(self, *_: object, **how: object) -> Made:
        self.asked.append(how)
        made = Release("v1", "a" * 40, "ada", datetime(2026, 11, 25, tzinfo=UTC), {}, irreversible=False)
        return Made(made, is_new=True, remarks=("as it should not be",))


def asked(application: FastAPI, client: tuple[str, int]) -> Any:  # noqa: ANN401 - JSON
    """What a POST of *client* is answered."""
    sent: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401 - ASGI's own
        return {"type": "http.request", "body": b'{"commit": "HEAD"}', "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/releases",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": client,
    }
    asyncio.run(application(scope, receive, send))
    return json.loads(b"".join(message.get("body", b"") for message in sent))


@pytest.mark.parametrize(
    ("client", "fenced_only"), [(("uid", 0), False), (("bearer token ci", 0), True)], ids=["owner", "token"]
)
def test_only_the_owner_may_have_it_done_without_a_sandbox(
    client: tuple[str, int], *, fenced_only: bool
) -> None:
    releasing = Recorded()
    application = FastAPI()
    application.include_router(releases.routes(SimpleNamespace(releasing=releasing)))  # type: ignore[arg-type]  # all it needs
    assert asked(application, client)["remarks"] == ["as it should not be"]
    assert releasing.asked == [{"fenced_only": fenced_only}]
