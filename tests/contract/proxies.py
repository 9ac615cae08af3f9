"""What every Proxies must do."""

import pytest

from carelane.base.errors import PlatformError
from carelane.delivery.releases import Probe
from carelane.delivery.replicas.ports import Proxies
from carelane.delivery.replicas.routing import Endpoint, Routing, ServiceRoute, VersionRoute
from tests.waiting import until


def routing(generation: int, weights: dict[str, int], ports: dict[str, int], *draining: str) -> Routing:
    """A routing of ``backend`` with one instance ``backend-LABEL`` a label."""
    versions = {
        label: VersionRoute(
            weight,
            (Endpoint(f"backend-{label}", ports[label], label in draining),) if label in ports else (),
            Probe("/ready", period_seconds=0.2),
        )
        for label, weight in weights.items()
    }
    return Routing(generation, {"backend": ServiceRoute(("/",), versions)})


class ProxiesContract:
    """Subclasses give *router* and *ports*: by label, where an instance answers 200 with its label.

    The label ``sick`` answers too, but is not ready.
    """

    @pytest.fixture
    def router(self) -> Proxies:
        raise NotImplementedError

    @pytest.fixture
    def ports(self) -> dict[str, int]:
        raise NotImplementedError

    def test_with_nothing_routed_there_are_no_endpoints_but_an_answer(self, router: Proxies) -> None:
        until(lambda: router.observe() is not None, 10.0, "a proxy answers")
        assert router.observe() == {}

    def test_a_ready_endpoint_is_healthy_and_one_that_is_not_ready_is_not(
        self, router: Proxies, ports: dict[str, int]
    ) -> None:
        router.route(routing(1, {"v1": 1, "sick": 0}, ports))
        until(lambda: healthy(router, "v1"), 10.0, "v1 is healthy")
        seen = router.observe()
        assert seen is not None
        assert set(seen) == {"backend-v1", "backend-sick"}
        assert not seen["backend-sick"].healthy

    def test_an_idle_endpoint_says_for_how_long(self, router: Proxies, ports: dict[str, int]) -> None:
        router.route(routing(1, {"v1": 1}, ports))
        until(lambda: healthy(router, "v1"), 10.0, "v1 is healthy")
        until(lambda: idle(router, "v1") >= 0.3, 5.0, "idle for a while")

    def test_an_older_generation_is_ignored(self, router: Proxies, ports: dict[str, int]) -> None:
        router.route(routing(5, {"v1": 1}, ports))
        router.route(routing(4, {"v2": 1}, ports))
        seen = router.observe()
        assert seen is not None
        assert set(seen) == {"backend-v1"}

    def test_a_draining_endpoint_stays_in_sight(self, router: Proxies, ports: dict[str, int]) -> None:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        router.route(routing(2, {"v1": 1, "v2": 0}, ports, "v2"))
        seen = router.observe()
        assert seen is not None
        assert "backend-v2" in seen

    def test_a_routing_is_in_force_once_the_proxies_took_it(
        self, router: Proxies, ports: dict[str, int]
    ) -> None:
        router.route(routing(3, {"v1": 1}, ports))
        until(lambda: router.routed().generation == 3, 10.0, "it is in force")
        assert router.routed().rejected == ""

    def test_every_web_service_has_an_inner_address(self, router: Proxies) -> None:
        assert set(router.addresses()) == {"services.backend.url"}
        assert router.addresses()["services.backend.url"].startswith("http://")


def healthy(router: Proxies, label: str) -> bool:
    """Whether the instance of *label* is fit for traffic."""
    seen = (router.observe() or {}).get(f"backend-{label}")
    return seen is not None and seen.healthy


def idle(router: Proxies, label: str) -> float:
    """How long the instance of *label* has had nothing to do; 0 while it has."""
    seen = (router.observe() or {}).get(f"backend-{label}")
    return (seen.idle_seconds or 0.0) if seen is not None else 0.0


def refused(router: Proxies, path: str) -> bool:
    """Whether the front door does not answer at all."""
    try:
        router.ask(path, 1.0)
    except PlatformError:
        return True
    return False
