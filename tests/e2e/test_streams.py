"""What lasts while releases come and go: WebSockets, events and uploads that outlive a deployment."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.contract.test_streams import get, said, slow_upload, socket
from tests.systems.fixtures import Make
from tests.systems.system import System
from tests.waiting import until

SOCKETS = 100
DRAIN_SECONDS = 4.0
WEIGHTS = range(5, 51, 5)
STEPS: list[dict[str, Any]] = []
for _weight in WEIGHTS:
    STEPS += [{"weight": _weight}, {"pause": {}}]


def live(release: str) -> dict[str, Any]:
    """The service, as one release has it."""
    return {
        "kind": "web",
        "source": ["streaming.py"],
        "run": [sys.executable, "streaming.py"],
        "routes": ["/socket", {"path": "/events", "idle_timeout_seconds": 600}, "/upload"],
        "probes": {"readiness": {"path": "/ready"}},
        "version": "/version",
        "drain_seconds": DRAIN_SECONDS,
        "environment": {"APP_VERSION": "${version}", "RELEASE": release},
    }


@pytest.fixture
def lasting(make_system: Make) -> System:
    """Two services, v1 of both, and a v2 of each alone; canaries wait for a person at each weight."""
    strategy = {"use": "rolling", "canary": {"steps": STEPS}}
    system = make_system(strategy=strategy, extra_services={"live": live("v1")}, replicas=2)
    system.shipped("v1")
    system.extra_services["live"] = live("v2")
    system.release("v2", greeting="v1")
    return system


@contextmanager
def hundred(port: int) -> Iterator[list[ClientConnection]]:
    """So many WebSockets at once. Each that says goodbye waits a second for the proxy to hang up."""
    with ThreadPoolExecutor(SOCKETS) as pool, ExitStack() as stack:
        sockets = [stack.enter_context(socket(port)) for _ in range(SOCKETS)]
        yield sockets
        list(pool.map(ClientConnection.close, sockets))


def through_its_weights(system: System) -> Iterator[int]:
    """A canary of v2 to its end; each weight, once it is in force."""
    system.must("deploy", "production", "--release", "v2", "--strategy", "canary")
    for weight in WEIGHTS:
        system.until_phase("Paused")
        until(lambda: system.service("live")["canary_percent"] == weight, 10, "the weight")  # noqa: B023
        yield weight
        system.must("rollout", "promote", "production")
    system.until_phase("Succeeded")


def test_a_hundred_websockets_live_through_ten_weights_and_another_services_replacement(
    lasting: System,
) -> None:
    with hundred(lasting.port) as sockets:
        for _ in through_its_weights(lasting):
            assert {said(one) for one in sockets[:10]} == {"v1: hello"}
        lasting.extra_services["live"] = live("v2")
        lasting.shipped("v3")
        assert {said(one) for one in sockets} == {"v1: hello"}, "what is kept warm keeps them"
        with socket(lasting.port) as later:
            assert said(later) == "v2: hello"


def test_a_websocket_leaves_a_stopping_instance_at_the_end_of_its_drain_time(make_system: Make) -> None:
    system = make_system(rollback={"keep_warm": 0}, extra_services={"live": live("v1")})
    system.shipped("v1")
    system.extra_services["live"] = live("v2")
    system.release("v2")
    with socket(system.port) as one:
        assert said(one) == "v1: hello"
        system.must("deploy", "production", "--release", "v2")
        until(
            lambda: [i["intent"] for i in system.instances("v1", "live")] == ["drain"], 30, "it is to leave"
        )
        began = time.monotonic()
        assert said(one) == "v1: hello"
        with pytest.raises(ConnectionClosed):
            one.recv(timeout=DRAIN_SECONDS * 3)
        assert time.monotonic() - began >= DRAIN_SECONDS - 1.0
    system.until_phase("Succeeded")


def test_events_go_on_and_a_slow_upload_arrives_while_what_they_ask_is_replaced(lasting: System) -> None:
    lasting.must("deploy", "production", "--release", "v2")
    assert slow_upload(lasting.port, parts=30, every=0.05) == (200, b"30")
    status, body = get(lasting.port, "/events?every=0.05&count=20")
    assert (status, body.count(b"data:")) == (200, 20)
    lasting.until_phase("Succeeded")


def test_a_path_that_no_service_has_is_not_found(lasting: System) -> None:
    lasting.release("v3", routes=["/elsewhere"])
    lasting.deploy("v3")
    until(lambda: get(lasting.port, "/")[0] == 404, 10, "the path has gone with who had it")
    assert get(lasting.port, "/elsewhere")[0] == 200
    assert get(lasting.port, "/events?count=1")[0] == 200
