"""What lasts, through real Envoys: WebSockets, events, slow answers and uploads."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from carelane.analysis.measurements import Counts
from carelane.delivery.releases import RouteSettings
from carelane.delivery.replicas.routing import Routing
from carelane.platforms.envoy.documents import FRONT, HAND_HEADER
from carelane.platforms.envoy.meter import TrafficMeter
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import free_port
from tests.contract.envoys import Envoys
from tests.contract.proxies import healthy, routing
from tests.waiting import until

STREAMING = Path(__file__).parents[1] / "systems" / "streaming.py"
SLOW_MS = 300


def settled(made: Routing, **said: object) -> Routing:
    """The routing, with a route that says so much."""
    backend = replace(made.services["backend"], settings={"/": RouteSettings(**said)})  # type: ignore[arg-type]
    return replace(made, services={"backend": backend})


class TestStreams(Envoys):
    @pytest.fixture
    def processes(self) -> Iterator[dict[str, tuple[subprocess.Popen[bytes], int]]]:
        made: dict[str, tuple[subprocess.Popen[bytes], int]] = {}
        for label in ("v1", "v2"):
            port = free_port({port for _, port in made.values()})
            environment = {**os.environ, "PORT": str(port), "APP_VERSION": label}
            made[label] = subprocess.Popen([sys.executable, str(STREAMING)], env=environment), port
        yield made
        for process, _ in made.values():
            process.kill()
            process.wait()

    @pytest.fixture
    def ports(self, processes: dict[str, tuple[subprocess.Popen[bytes], int]]) -> dict[str, int]:
        return {label: port for label, (_, port) in processes.items()}

    @pytest.fixture
    def another(self, tmp_path: Path, keeper: Shims) -> Callable[[], EnvoyRouter]:
        front = free_port(set())
        inner = {"backend": free_port({front})}
        return lambda: EnvoyRouter(tmp_path / "envoy", front, inner, keeper, slow_ms=(SLOW_MS,))

    @pytest.fixture
    def front(self, router: EnvoyRouter, ports: dict[str, int]) -> int:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
        until(lambda: router.ask("/version", 2.0) == (200, b"v1"), 10.0, "it answers")
        return router._ports[FRONT]

    # -- what lasts

    def test_a_websocket_stays_through_changes_of_weights_routes_and_labels(
        self, router: EnvoyRouter, front: int, ports: dict[str, int]
    ) -> None:
        with socket(front) as one:
            assert said(one) == "v1: hello"
            for generation, share in enumerate((1000, 5000, 9000, 10_000), 2):
                router.route(routing(generation, {"v1": 10_000 - share, "v2": share}, ports))
                in_force(router, generation)
                assert said(one) == "v1: hello"
            router.route(routing(6, {"v1": 0, "v2": 1}, ports, "v1"))
            in_force(router, 6)
            with socket(front) as other:
                assert said(other) == "v2: hello"
            assert said(one) == "v1: hello", "it leaves when its instance does"

    def test_who_asks_for_a_version_by_hand_gets_a_websocket_to_it(self, front: int) -> None:
        with socket(front, {HAND_HEADER: "v2"}) as one:
            assert said(one) == "v2: hello"

    def test_other_services_have_websockets_too(self, router: EnvoyRouter, front: int) -> None:
        del front
        with socket(router._ports["backend"]) as one:
            assert said(one) == "v1: hello"

    def test_a_route_may_refuse_to_change_the_protocol(
        self, router: EnvoyRouter, front: int, ports: dict[str, int]
    ) -> None:
        router.route(settled(routing(2, {"v1": 1, "v2": 0}, ports), upgrades=()))
        in_force(router, 2)
        with pytest.raises(InvalidStatus) as refused, socket(front):
            pass
        assert refused.value.response.status_code == 403
        assert get(front, "/version") == (200, b"v1")

    def test_what_goes_on_is_not_cut_and_what_is_silent_is(
        self, router: EnvoyRouter, front: int, ports: dict[str, int]
    ) -> None:
        made = routing(2, {"v1": 1, "v2": 0}, ports)
        router.route(settled(made, idle_seconds=0.5, upgraded_idle_seconds=0.5))
        in_force(router, 2)
        status, body = get(front, "/events?every=0.1&count=12")
        assert (status, body.count(b"data:")) == (200, 12), "longer than its idle time"
        assert get(front, "/silent?seconds=5")[0] == 504
        assert slow_upload(front, parts=12, every=0.1) == (200, b"12")
        with socket(front) as one, pytest.raises(ConnectionClosed):
            one.recv(timeout=5.0)

    def test_an_answer_that_takes_longer_than_its_route_allows_is_cut(
        self, router: EnvoyRouter, front: int, ports: dict[str, int]
    ) -> None:
        router.route(settled(routing(2, {"v1": 1, "v2": 0}, ports), timeout_seconds=0.5))
        in_force(router, 2)
        assert get(front, "/silent?seconds=5")[0] == 504
        with pytest.raises(http.client.IncompleteRead):
            get(front, "/events?every=0.1")
        assert slow_upload(front, parts=12, every=0.1) == (200, b"12"), "its time begins when it is all there"
        with socket(front) as one:
            until_later = time.monotonic() + 1.0
            until(lambda: time.monotonic() > until_later, 5.0, "longer than that")
            assert said(one) == "v1: hello"

    # -- how they count

    def test_a_stream_counts_once_it_ends_as_it_ends_and_is_never_slow(
        self, router: EnvoyRouter, front: int, processes: dict[str, tuple[subprocess.Popen[bytes], int]]
    ) -> None:
        with socket(front) as one:
            assert said(one) == "v1: hello"
            later = time.monotonic() + 2 * SLOW_MS / 1000
            until(lambda: time.monotonic() > later, 5.0, "longer than slow")
            assert counted(router) == Counts(0, 0, (0,))
        until(lambda: counted(router) == Counts(1, 0, (0,)), 5.0, "who leaves was served")
        with socket(front) as one:
            one.send("close")
            with pytest.raises(ConnectionClosed):
                one.recv(timeout=5.0)
        until(lambda: counted(router) == Counts(2, 0, (0,)), 5.0, "ended by the service")
        assert get(front, "/events?every=0.1&count=8", {"accept": "text/event-stream"})[0] == 200
        until(lambda: counted(router) == Counts(3, 0, (0,)), 5.0, "a stream of events")
        assert get(front, "/events?every=0.1&count=8")[0] == 200
        until(lambda: counted(router) == Counts(4, 0, (1,)), 5.0, "who did not ask for events")
        with socket(front) as one:
            assert said(one) == "v1: hello"
            cut = http.client.HTTPConnection("127.0.0.1", front, timeout=5.0)
            cut.request("GET", "/events?every=0.1", headers={"accept": "text/event-stream"})
            events = cut.getresponse()
            assert events.readline().startswith(b"data: v1")
            processes["v1"][0].kill()
            with pytest.raises(ConnectionClosed):
                one.recv(timeout=5.0)
            with pytest.raises(http.client.IncompleteRead):
                events.read()
            cut.close()
        until(lambda: counted(router) == Counts(6, 1, (1,)), 5.0, "what was cut; a WebSocket was answered")


@contextmanager
def socket(port: int, headers: dict[str, str] | None = None) -> Iterator[ClientConnection]:
    """A WebSocket at that port."""
    with connect(
        f"ws://127.0.0.1:{port}/socket",
        additional_headers=headers,
        ping_interval=None,
        open_timeout=5.0,
        close_timeout=2.0,
    ) as made:
        yield made


def said(one: ClientConnection) -> str:
    """What it answers to a word."""
    one.send("hello")
    return str(one.recv(timeout=5.0))


def get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """GET as a user of that port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def slow_upload(port: int, *, parts: int, every: float) -> tuple[int, bytes]:
    """A body of so many bytes, one at a time."""

    def body() -> Iterator[bytes]:
        for _ in range(parts):
            yield b"x"
            time.sleep(every)

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    connection.request("POST", "/upload", body(), {"transfer-encoding": "chunked"}, encode_chunked=True)
    response = connection.getresponse()
    answered = response.status, response.read()
    connection.close()
    return answered


def in_force(router: EnvoyRouter, generation: int) -> None:
    """Wait until every proxy took it."""
    until(lambda: router.routed().generation == generation, 10.0, "it is in force")


def counted(router: EnvoyRouter) -> Counts:
    """What the proxies have counted of v1, both together."""
    meter = TrafficMeter(router.admins)
    meter.look()
    total = Counts(0, 0, (0,))
    for reading in meter.readings("backend", "none", "v1", (float(SLOW_MS),)).values():
        assert reading.canary is not None
        total = total.plus(reading.canary)
    return total
