"""Every call that the API's own description allows, and many that it does not: by schemathesis, all checks.

The real application over the real database; proxies and instances are not started, so what needs them says
that it is not available. As the owner, who may do all, and as a pipeline's token.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from starlette.types import ASGIApp, Receive, Scope, Send

from carelane.api import application
from carelane.bootstrap.app import build
from carelane.bootstrap.places import Places
from tests.systems.system import System

UNAVAILABLE = 503
EXAMPLES = int(os.environ.get("CARELANE_EXAMPLES", "8"))


class As:
    """The application as somebody meets it: what the socket would have said of them."""

    def __init__(self, inner: ASGIApp, client: tuple[str, int], token: str = "") -> None:
        self._inner = inner
        self._client = client
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, as from them."""
        headers = [pair for pair in scope.get("headers", ()) if pair[0] != b"authorization"]
        if self._token:
            headers.append((b"authorization", f"Bearer {self._token}".encode()))
        await self._inner({**scope, "client": self._client, "headers": headers}, receive, send)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASGIApp]:
    system = System(tmp_path_factory.mktemp("every-call") / "small")
    system.commit("v1")
    app = build(Places(Path(system.folder)))
    yield application.create(app, datetime.now(UTC), lambda _: None)
    app.end(keep_running=False)


@pytest.fixture(scope="module")
def token(made: ASGIApp) -> str:
    """One that may deploy to production."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", As(made, ("uid", os.getuid())))
    body: Any = {"name": "ci", "environments": ["production"]}
    answer = schema["/api/v1/tokens"]["POST"].Case(body=body, media_type="application/json").call()
    assert answer.status_code == 201, answer.text
    return str(answer.json()["value"])


def problems(schema: schemathesis.BaseSchema, mode: GenerationMode) -> list[str]:
    """What is wrong with answers to calls of every operation, once each."""
    found: list[str] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path.endswith("/events"):
            continue  # it does not end

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def called(case: schemathesis.Case[Any]) -> None:
            answer = case.call()
            # What needs the proxies says that it is not available: an answer, and no error of ours.
            but: Any = [not_a_server_error] if answer.status_code == UNAVAILABLE else []
            case.validate_response(answer, excluded_checks=but)

        try:
            called()
        except Unsatisfiable:
            continue  # nothing can be wrong with a call that takes nothing
        except (FailureGroup, Failure) as failure:
            found.append(f"{operation.label}: {failure}")
    return found


@pytest.mark.timeout(60 + 15 * EXAMPLES)
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("who", ["owner", "token", "nobody"])
def test_nobody_meets_an_error_or_an_answer_that_is_not_documented(
    made: ASGIApp, token: str, who: str, mode: GenerationMode
) -> None:
    asking = {
        "owner": As(made, ("uid", os.getuid())),
        "token": As(made, ("pipeline", 0), token),
        "nobody": As(made, ("pipeline", 0)),
    }[who]
    described = schemathesis.openapi.from_asgi("/api/v1/openapi.json", As(made, ("uid", os.getuid())))
    schema = schemathesis.openapi.from_dict(described.raw_schema)
    schema.app = asking
    found = problems(schema, mode)
    assert not found, "\n\n".join(found)
