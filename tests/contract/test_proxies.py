"""The Proxies port: in memory, and as real Envoys."""

import http.client
import http.server
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from carelane.base.errors import PlatformError
from carelane.delivery.releases import Probe
from carelane.delivery.replicas.routing import Routing
from carelane.platforms.envoy.documents import FRONT, HAND_HEADER
from carelane.platforms.envoy.proxies import PROXIES
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.processes.shims import Shims
from tests.contract.envoys import VERSIONS, Envoys
from tests.contract.proxies import ProxiesContract, healthy, routing
from tests.fakes.proxies import FakeProxies
from tests.waiting import until


class TestFakeProxies(ProxiesContract):
    @pytest.fixture
    def router(self) -> FakeProxies:
        return FakeProxies(lambda instance: instance != "backend-sick", ("backend",))

    @pytest.fixture
    def ports(self) -> dict[str, int]:
        return {"v1": 20_001, "v2": 20_002, "sick": 20_003}


class TestEnvoyRouter(Envoys, ProxiesContract):
    def test_before_anything_is_deployed_the_front_door_says_so(self, router: EnvoyRouter) -> None:
        assert router.ask("/", 2.0) == (503, b"nothing is deployed here yet\n")

    def test_traffic_follows_the_weights_at_the_front_door_and_within(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
        assert {router.ask("/", 2.0) for _ in range(20)} == {(200, b"v1")}
        router.route(routing(2, {"v1": 0, "v2": 1}, ports))
        until(lambda: router.ask("/", 2.0) == (200, b"v2"), 5.0, "the front door has switched")
        address = router.addresses()["services.backend.url"].removeprefix("http://")
        until(lambda: ask(address) == b"v2", 5.0, "the inner address has switched")
        router.route(routing(3, {"v1": 1, "v2": 1}, ports))
        until(lambda: len({router.ask("/", 2.0) for _ in range(10)}) == 2, 5.0, "both get some")

    def test_a_path_that_no_service_has_is_not_found_and_one_that_is_to_come_is_not_there_yet(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        made = routing(1, {"v1": 1}, ports)
        backend = replace(made.services["backend"], prefixes=("/api",))
        router.route(replace(made, services={"backend": backend}, expected=("/portal",)))
        until(lambda: router.ask("/api", 2.0) == (200, b"v1"), 10.0, "it answers")
        assert router.ask("/other", 2.0) == (404, b"no service has this path\n")
        assert router.ask("/portal/", 2.0) == (503, b"what answers here is not ready yet\n")

    def test_who_names_a_version_that_leaves_gets_stable_and_carelane_itself_a_refusal(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        made = routing(1, {"v1": 1, "v2": 0}, ports)
        router.route(made)
        until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
        until(lambda: router.ask_version("backend", "v2", "/", 2.0) == (200, b"v2"), 5.0, "by hand")
        assert by_hand(router, "v2") == b"v2"
        backend = made.services["backend"]
        leaves = replace(backend.versions["v2"], by_hand=False)
        versions = {**backend.versions, "v2": leaves}
        router.route(Routing(2, {"backend": replace(backend, versions=versions)}))
        until(lambda: router.routed().generation == 2, 10.0, "it is in force")
        assert by_hand(router, "v2") == b"v1"
        assert router.ask_version("backend", "v2", "/", 2.0)[0] == 503
        assert router.ask_version("backend", "v9", "/", 2.0)[0] == 503, "one that nobody knows"
        assert router.ask_version("backend", "v1", "/", 2.0) == (200, b"v1")

    def test_a_switch_between_running_versions_loses_no_request(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
        until(lambda: router.ask("/", 2.0)[0] == 200, 5.0, "it answers")
        answers = []
        for generation in range(2, 22):
            weights = {"v1": generation % 2, "v2": 1 - generation % 2}
            router.route(routing(generation, weights, ports))
            answers += [router.ask("/", 2.0)[0] for _ in range(15)]
        assert set(answers) == {200}

    def test_a_version_that_leaves_in_the_same_routing_loses_no_request(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        generation = 1
        router.route(routing(generation, {"v1": 1}, ports))
        until(lambda: healthy(router, "v1"), 10.0, "v1 is healthy")
        until(lambda: router.ask("/", 2.0)[0] == 200, 5.0, "it answers")
        answers = []
        for old, new in pairwise(VERSIONS):
            router.route(routing(generation + 1, {old: 1, new: 0}, ports))
            until(lambda label=new: healthy(router, label), 10.0, f"{new} is healthy")  # type: ignore[misc]
            router.route(routing(generation + 2, {old: 0, new: 1}, ports, old))
            answers += [router.ask("/", 2.0) for _ in range(40)]
            generation += 2
        assert {status for status, _ in answers} == {200}

    def test_a_request_under_way_makes_its_endpoint_busy_and_outlives_its_draining(
        self, router: EnvoyRouter, ports: dict[str, int], held: threading.Event
    ) -> None:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
        until(lambda: router.ask("/", 2.0)[0] == 200, 5.0, "it answers")
        answers: list[tuple[int, bytes]] = []
        asking = threading.Thread(target=lambda: answers.append(router.ask("/slow", 10.0)))
        asking.start()
        until(lambda: busy(router, "v1"), 5.0, "the request is under way")
        router.route(routing(2, {"v1": 0, "v2": 1}, ports, "v1"))
        until(lambda: router.ask("/", 2.0) == (200, b"v2"), 5.0, "new requests go elsewhere")
        assert busy(router, "v1")
        held.set()
        asking.join(5.0)
        assert answers == [(200, b"v1")]
        until(lambda: not busy(router, "v1"), 5.0, "it is idle")

    @pytest.mark.parametrize("what", ["routes-@front.json", "clusters.json", "endpoints-backend~v1.json"])
    def test_what_the_proxies_reject_is_named_and_never_in_force_until_it_is_mended(
        self, router: EnvoyRouter, ports: dict[str, int], what: str
    ) -> None:
        router.route(routing(1, {"v1": 1}, ports))
        until(lambda: router.routed().generation == 1, 10.0, "the first is in force")
        router.route(spoilt(routing(2, {"v1": 1}, ports), what))
        named = f"{PROXIES[0]} rejected {what}: "
        until(lambda: named in router.routed().rejected, 10.0, "it is rejected")
        seen = router.routed()
        assert seen.generation is None
        assert "value must be" in seen.rejected or "value does not match" in seen.rejected
        until(lambda: router.routed().rejected_seconds >= 0.1, 5.0, "it goes on being rejected")
        router.route(routing(3, {"v1": 1}, ports))
        until(lambda: router.routed().generation == 3, 10.0, "what mends it is in force")
        assert (router.routed().rejected, router.routed().rejected_seconds) == ("", 0.0)

    def test_a_restarted_server_sees_a_rejection_too(
        self, router: EnvoyRouter, another: Callable[[], EnvoyRouter], ports: dict[str, int]
    ) -> None:
        wrong = spoilt(routing(2, {"v1": 1}, ports), "routes-@front.json")
        router.route(wrong)
        until(lambda: router.routed().rejected, 10.0, "it is rejected")
        other = another()
        other.begin()
        other.route(wrong)
        until(lambda: other.routed().rejected, 10.0, "the other sees it as well")
        for admin in other.admins.values():
            admin._connection.close()

    def test_a_killed_proxy_takes_no_health_away_and_comes_back(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims
    ) -> None:
        router.route(routing(1, {"v1": 1}, ports))
        until(lambda: healthy(router, "v1"), 10.0, "v1 is healthy")
        until(lambda: router.ask("/", 2.0)[0] == 200, 5.0, "it answers")
        status = keeper.status(PROXIES[0])
        assert status is not None
        os.kill(status["child"]["pid"], signal.SIGKILL)
        until(lambda: run(keeper) == 2, 5.0, "its shim starts it again")
        until(lambda: router.admins[PROXIES[0]].hosts() is not None, 10.0, "it answers")
        seen = router.observe()
        assert seen is not None
        assert seen["backend-v1"].healthy

    def test_a_restarted_server_knows_the_endpoints_and_disturbs_nothing(
        self,
        router: EnvoyRouter,
        another: Callable[[], EnvoyRouter],
        ports: dict[str, int],
        keeper: Shims,
    ) -> None:
        router.route(routing(1, {"v1": 1}, ports))
        until(lambda: healthy(router, "v1"), 10.0, "v1 is healthy")
        until(lambda: router.ask("/", 2.0)[0] == 200, 5.0, "it answers")
        other = another()
        other.begin()
        assert healthy(other, "v1")
        assert other.ask("/", 2.0) == (200, b"v1")
        assert [keeper.status(name) and run(keeper, name) for name in PROXIES] == [1, 1]
        for admin in other.admins.values():
            admin._connection.close()

    def test_a_version_chosen_by_hand_answers_without_any_weight(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: healthy(router, "v2"), 10.0, "v2 is healthy")
        front = f"127.0.0.1:{router._ports[FRONT]}"
        until(lambda: ask(front, {"x-carelane-version": "v2"}) == b"v2", 5.0, "v2 answers by hand")
        assert ask(front) == b"v1"

    def test_a_version_is_asked_itself_wherever_its_path_leads_at_the_front_door(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        made = routing(1, {"v1": 1, "v2": 0}, ports)
        hidden = replace(made.services["backend"], prefixes=())
        other = replace(routing(1, {"v3": 1}, ports).services["backend"], prefixes=("/",))
        router.route(replace(made, services={"backend": hidden, "other": other}))
        until(lambda: healthy(router, "v2"), 10.0, "v2 is healthy")
        until(lambda: router.ask("/", 2.0) == (200, b"v3"), 10.0, "the front door is another's")
        until(lambda: router.routed().generation == 1, 10.0, "it is in force")
        assert router.ask_version("backend", "v2", "/", 2.0) == (200, b"v2")
        assert router.ask_version("backend", "v1", "/", 2.0) == (200, b"v1")
        with pytest.raises(PlatformError, match="no web service"):
            router.ask_version("nobody", "v1", "/", 2.0)

    def test_a_longer_prefix_comes_first_and_a_prefix_ends_at_a_slash(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        base = routing(1, {"v1": 1}, ports).services["backend"]
        api = routing(1, {"v2": 1}, ports).services["backend"]
        both = {"backend": base, "api": replace(api, prefixes=("/api",))}
        router.route(replace(routing(1, {}, {}), services=both))
        until(lambda: router.routed().generation == 1, 10.0, "both took it")
        until(lambda: router.ask("/api/x", 2.0) == (200, b"v2"), 10.0, "/api is v2's")
        until(lambda: router.ask("/", 2.0) == (200, b"v1"), 10.0, "the rest is v1's")
        assert router.ask("/api", 2.0) == (200, b"v2")
        assert router.ask("/apiary", 2.0) == (200, b"v1")


def spoilt(made: Routing, what: str) -> Routing:
    """The routing with a mistake that only the proxies notice, in the document *what*."""
    service = made.services["backend"]
    version = service.versions["v1"]
    if what.startswith("routes"):
        return replace(made, services={"backend": replace(service, prefixes=("/x?",))})
    if what.startswith("clusters"):
        spoilt = replace(version, readiness=Probe("/ready", timeout_seconds=0.0))
    else:
        spoilt = replace(version, endpoints=(replace(version.endpoints[0], port=99_999),))
    return replace(made, services={"backend": replace(service, versions={"v1": spoilt})})


def by_hand(router: EnvoyRouter, label: str) -> bytes:
    """What a user gets at the front door who names a version."""
    connection = http.client.HTTPConnection("127.0.0.1", router._ports[FRONT], timeout=5.0)
    connection.request("GET", "/", headers={HAND_HEADER: label})
    body = connection.getresponse().read()
    connection.close()
    return body


def ask(address: str, headers: dict[str, str] | None = None) -> bytes:
    """The body of GET / there."""
    connection = http.client.HTTPConnection(address, timeout=5.0)
    try:
        connection.request("GET", "/", headers=headers or {})
        return connection.getresponse().read()
    finally:
        connection.close()


def busy(router: EnvoyRouter, label: str) -> bool:
    """Whether the instance of *label* has a request under way."""
    seen = (router.observe() or {}).get(f"backend-{label}")
    return seen is not None and seen.active_requests > 0


def run(keeper: Shims, name: str = PROXIES[0]) -> int:
    """How often a proxy was started."""
    status = keeper.status(name)
    return int(status["run"]) if status is not None else 0
