"""Every answer tells its version; probes concern the process alone."""

import dataclasses
import json

from starlette.types import Receive, Scope, Send

from service_kit import faults, layers, lifecycles
from tests.unit.applications_under_test import ask, greeting, lifecycle

PATHS = layers.Paths(version="/api/version", metrics="/metrics", health="/api/health")


async def _never(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    message = "the application must not be asked"
    raise AssertionError(message)


def test_every_answer_carries_the_version() -> None:
    """Pages, probes, metrics and faults alike: an answer without it was made by a proxy."""
    app = layers.wrap(greeting, lifecycle(faults.parse("errors:1")), PATHS)
    answers = [ask(app, path) for path in ("/", "/live", "/ready", "/metrics", "/api/version", "/api/health")]
    assert {answer.headers["x-app-version"] for answer in answers} == {"v1.0"}
    assert [answer.status for answer in answers] == [500, 200, 200, 200, 200, 200]


def test_probes_do_not_reach_the_application() -> None:
    """A broken application or database does not make its process look dead."""
    app = layers.wrap(_never, lifecycle(), PATHS)
    assert [ask(app, path).status for path in ("/live", "/ready")] == [200, 200]


def test_draining_fails_readiness_and_nothing_else() -> None:
    """While draining, requests are answered and clients are asked to close their connections."""
    process = lifecycle()
    app = layers.wrap(greeting, process, PATHS)
    assert "connection" not in ask(app, "/").headers
    process.draining = True
    assert (ask(app, "/ready").status, ask(app, "/ready").body) == (503, b'{"status": "draining"}')
    assert ask(app, "/live").status == 200
    assert (ask(app, "/").status, ask(app, "/").headers["connection"]) == (200, "close")


def test_an_unready_release_is_alive() -> None:
    """The fault ``unready`` concerns readiness only."""
    app = layers.wrap(greeting, lifecycle(faults.parse("unready")), PATHS)
    assert (ask(app, "/ready").status, ask(app, "/live").status, ask(app, "/").status) == (503, 200, 200)


def test_the_version_tells_commit_and_start() -> None:
    """What runs, from which commit, since when."""
    told = json.loads(ask(layers.wrap(_never, lifecycle(), PATHS), "/api/version").body)
    assert (told["version"], told["commit"]) == ("v1.0", "abc")
    assert told["started_at"].endswith("+00:00")


def test_metrics_have_the_three_gauges_of_the_last_minute() -> None:
    """The guide greps for their names."""
    app = layers.wrap(greeting, lifecycle(), PATHS)
    ask(app, "/somewhere")
    text = ask(app, "/metrics").body.decode()
    for name in ("response_time", "error_rate", "throughput"):
        assert f"\n# TYPE healthcare_{name}" in text
    assert 'http_requests_total{method="GET",route="(none)",status="200"} 1.0' in text
    assert 'http_request_duration_seconds_bucket{le="0.3",method="GET",route="(none)"} 1.0' in text


def test_a_process_is_ready_until_it_drains() -> None:
    """The lifecycle alone decides."""
    process: lifecycles.Lifecycle = lifecycle()
    assert process.ready
    assert not dataclasses.replace(process, draining=True).ready
