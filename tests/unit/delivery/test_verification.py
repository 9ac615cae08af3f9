"""Verification has an end, however many services there are and however slowly they answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from carelane.base.clock import ManualClock
from carelane.delivery.observations import RoutingSeen
from carelane.delivery.targets import Target
from carelane.delivery.verification import WITHIN_SECONDS, in_place
from tests.fakes.releases import WEB, version

ASKED = replace(WEB, health_path="/health", version_path="/version")


@dataclass
class Slow:
    """Answers rightly, once *takes* has gone by."""

    takes: Callable[[float], object]

    def route(self, target: Target) -> None:
        """Nobody asks for it here."""
        raise NotImplementedError

    def routed(self) -> RoutingSeen:
        """In force."""
        return RoutingSeen(1)

    def reaches(self, service: str) -> bool:
        """Each by itself, too."""
        del service
        return True

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """At the front door."""
        del path
        self.takes(timeout_seconds)
        return 200, b"v1"

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """By itself."""
        del service, label
        return self.ask(path, timeout_seconds)


def test_a_service_that_answers_late_is_given_no_more_than_the_time_that_is_left() -> None:
    clock = ManualClock()
    router = Slow(lambda seconds: clock.advance(min(seconds, 3.0)))
    began = clock.monotonic()
    found = in_place(router, [version("backend", "v1", ASKED)], clock)
    assert clock.monotonic() - began <= WITHIN_SECONDS
    late = [f"v1 itself: {path} was not asked: 5 s had gone by" for path in ("/health", "/version")]
    assert found.services["backend"].wrong == "; ".join(late)


def test_services_are_asked_at_the_same_time() -> None:
    """Each waits for the other to be asked."""
    both = threading.Barrier(2)
    router = Slow(lambda _seconds: both.wait(10.0))
    found = in_place(router, [version(name, "v1", ASKED) for name in ("backend", "frontend")], ManualClock())
    assert [service.well for service in found.services.values()] == [True, True]
