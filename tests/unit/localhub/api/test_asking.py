"""What the API says to whom, where others decide: a token that ends meanwhile, a store that fails for now."""

import asyncio
import json
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localhub.api.app import application
from localhub.hub.parts import Localhub
from localhub.hub.tokens import Caller, JobToken
from localhub.runs.ports import StoreUnavailableError

QUERY = {"query": '{ repository(owner: "acme", name: "app") { id } }'}


def asked(
    hub: SimpleNamespace, method: str, path: str, body: dict[str, str] | None = None
) -> tuple[int, dict[bytes, bytes], Any]:
    """Status, headers and JSON of the answer."""
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    headers = [(b"authorization", b"token t"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}

    async def ask() -> None:
        await application(cast(Localhub, hub))(scope, receive, send)

    asyncio.run(ask())
    return said[0]["status"], dict(said[0]["headers"]), json.loads(said[1]["body"])


@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", "/repos/acme/app", None), ("POST", "/graphql", QUERY)]
)
def test_a_store_that_fails_for_now_is_to_be_asked_again_later(
    method: str, path: str, body: dict[str, str] | None
) -> None:
    def get(_name: str) -> None:
        raise StoreUnavailableError("database is locked")

    hub = SimpleNamespace(caller=lambda _: Caller("ada"), repositories=SimpleNamespace(get=get))
    status, headers, answer = asked(hub, method, path, body)
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert answer["message"] == "localhub's store fails for now: database is locked"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/repos/acme/app/contents/a.txt", 403),
        ("PUT", "/repos/acme/app/environments/production", 403),
        ("GET", "/repos/acme/other", 404),
    ],
)
def test_a_job_that_ends_while_its_request_is_answered_may_no_more_for_that(
    method: str, path: str, expected: int
) -> None:
    """Its token is looked up once: the second time it would be nobody's, and that is no leave."""
    known = [Caller("github-actions[bot]", JobToken("acme/app", 1, {}))]
    repositories = SimpleNamespace(get=lambda name: SimpleNamespace(name=name))
    hub = SimpleNamespace(caller=lambda _: known.pop() if known else None, repositories=repositories)
    assert asked(hub, method, path, {})[0] == expected
