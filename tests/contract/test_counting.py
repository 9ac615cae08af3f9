"""What real Envoys count, and of whom."""

import http.client
from collections.abc import Callable
from dataclasses import replace

import pytest

from carelane.analysis.measurements import Counts
from carelane.base import json_files
from carelane.platforms.envoy import resources
from carelane.platforms.envoy.documents import FRONT, PREVIEW
from carelane.platforms.envoy.meter import TrafficMeter
from carelane.platforms.envoy.router import EnvoyRouter
from tests.contract.envoys import Envoys
from tests.contract.proxies import healthy, routing
from tests.waiting import until


def asked(port: int, times: int, headers: dict[str, str] | None = None) -> None:
    """GET / so many times, as a user of that port."""
    for _ in range(times):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
        connection.request("GET", "/", headers=headers or {})
        connection.getresponse().read()
        connection.close()


def counted(router: EnvoyRouter, label: str, *, preview: bool = False) -> Counts:
    """What the proxies have counted of *label*, both together; of what was asked by hand for a *preview*."""
    meter = TrafficMeter(router.admins)
    meter.look()
    total = Counts()
    for reading in meter.readings("backend", "none", label, (), preview=preview).values():
        assert reading.canary is not None
        total = total.plus(reading.canary)
    return total


class TestCounting(Envoys):
    has_preview = True

    @pytest.fixture(autouse=True)
    def both(self, router: EnvoyRouter, ports: dict[str, int]) -> None:
        router.route(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
        until(lambda: router.ask("/", 2.0) == (200, b"v1"), 10.0, "it answers")

    def test_what_carelane_asks_is_not_counted_and_nobody_else_can_say_to_be_it(
        self, router: EnvoyRouter
    ) -> None:
        for _ in range(5):
            assert router.ask("/", 2.0)[0] == 200
        front = router._ports[FRONT]
        asked(front, 3)
        asked(front, 4, {"x-carelane-own": "1"})
        asked(front, 2, {"x-carelane-own": ""})
        until(lambda: counted(router, "v1").requests >= 9, 5.0, "all are counted")
        assert counted(router, "v1") == Counts(9)

    def test_who_names_a_version_by_hand_is_not_counted(self, router: EnvoyRouter) -> None:
        front = router._ports[FRONT]
        asked(front, 3, {"x-carelane-version": "v2"})
        asked(front, 1)
        until(lambda: counted(router, "v1").requests >= 1, 5.0, "the user is counted")
        assert counted(router, "v2") == Counts()

    def test_a_preview_s_requests_are_those_to_its_address_and_those_that_name_the_version(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        made = routing(2, {"v1": 1, "v2": 0}, ports)
        router.route(replace(made, services={"backend": replace(made.services["backend"], canary="v2")}))
        until(lambda: router.routed().generation == 2, 10.0, "v2 is on trial")
        asked(router._ports[PREVIEW], 5)
        asked(router._ports[FRONT], 2, {"x-carelane-version": "v2"})
        asked(router._ports[FRONT], 3)
        assert router.ask_version("backend", "v2", "/", 2.0) == (200, b"v2")
        until(lambda: counted(router, "v2", preview=True).requests >= 7, 5.0, "all are counted")
        assert counted(router, "v2", preview=True) == Counts(7), "what Carelane asks itself is not"
        assert counted(router, "v2") == Counts()
        assert counted(router, "v1") == Counts(3)

    def test_who_leaves_without_an_answer_is_counted_as_failed(self, router: EnvoyRouter) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", router._ports[FRONT], timeout=0.3)
        connection.request("GET", "/slow")
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()
        until(lambda: counted(router, "v1").requests == 1, 5.0, "it is counted")
        assert counted(router, "v1") == Counts(1, 1)

    def test_the_key_is_kept_for_the_next_server_and_readable_by_nobody_else(
        self, router: EnvoyRouter
    ) -> None:
        place = router._folder / "own.key"
        assert place.stat().st_mode & 0o777 == 0o600
        listeners = router._published.folder / "listeners.json"
        assert listeners.stat().st_mode & 0o077 == 0
        assert place.read_text() in listeners.read_text()

    @pytest.mark.parametrize("instead", [b"", b"\x00\xffgarbage", b"secret", b"a" * 32 + b"\n", None])
    def test_a_key_that_is_damaged_is_set_aside_and_made_again(
        self,
        router: EnvoyRouter,
        another: Callable[[], EnvoyRouter],
        ports: dict[str, int],
        instead: bytes | None,
    ) -> None:
        place = router._folder / "own.key"
        place.unlink()
        place.mkdir() if instead is None else place.write_bytes(instead)
        again = another()
        again.begin()
        again.route(routing(2, {"v1": 1}, ports))
        until(lambda: again.routed().generation == 2, 10.0, "the proxies take what it writes")
        assert len(place.read_text()) == 32
        assert len(json_files.damaged(router._folder)) == 1, "it is named"
        before = counted(again, "v1")
        assert again.ask("/", 2.0) == (200, b"v1")
        asked(again._ports[FRONT], 2, {"x-carelane-own": ""})
        until(lambda: counted(again, "v1").requests == before.requests + 2, 5.0, "its own are not counted")
        for admin in again.admins.values():
            admin._connection.close()


class TestForgetting(Envoys):
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resources, "EVICTED_AFTER", "10s")

    def test_counters_that_nobody_adds_to_any_more_are_forgotten_and_begin_anew(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        router.route(routing(1, {"v1": 1}, ports))
        until(lambda: router.ask("/", 2.0) == (200, b"v1"), 10.0, "it answers")
        asked(router._ports[FRONT], 3)
        until(lambda: counted(router, "v1") == Counts(3), 5.0, "they are counted")
        until(lambda: counted(router, "v1") == Counts(0), 45.0, "nobody asked for a while")
        asked(router._ports[FRONT], 2)
        until(lambda: counted(router, "v1") == Counts(2), 5.0, "those are counted")
