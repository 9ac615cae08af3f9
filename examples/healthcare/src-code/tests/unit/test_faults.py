"""Faults on trial do what they say, and nothing else."""

import pytest

from service_kit import faults, layers
from tests.unit.applications_under_test import ask, greeting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", faults.NONE),
        ("errors:0.05", faults.Fault(error_ratio=0.05)),
        ("errors:0.2:60s", faults.Fault(error_ratio=0.2, errors_after_seconds=60.0)),
        ("errors:0.2:500requests", faults.Fault(error_ratio=0.2, errors_after_requests=500)),
        ("latency:800ms:0.3", faults.Fault(latency_seconds=0.8, latency_ratio=0.3)),
        ("latency:2s", faults.Fault(latency_seconds=2.0, latency_ratio=1.0)),
        ("unready", faults.Fault(unready=True)),
        ("crash:20s", faults.Fault(crash_after_seconds=20.0)),
        ("hang", faults.Fault(hang_after_seconds=5.0)),
        ("leak:1MiB", faults.Fault(leak_bytes=1024**2)),
        ("unready, errors:1", faults.Fault(unready=True, error_ratio=1.0)),
    ],
)
def test_a_fault_is_understood(text: str, expected: faults.Fault) -> None:
    """Every documented form gives its fault."""
    assert faults.parse(text) == expected


WRONG = (
    "|eror:0.1|errors|errors:2|errors:-1|errors:nan|errors:0.1:0.2|errors:0.1:1s:2|errors:0.1:requests|errors:0.1,|latency:800|latency:800ms:x"
    "|unready:1|unready,unready|leak:1MB|crash:soon"
)


@pytest.mark.parametrize("text", WRONG.split("|"))
def test_anything_else_is_refused(text: str) -> None:
    """A slip is not taken for "no fault"."""
    with pytest.raises(ValueError, match=r"known:|is not|twice"):
        faults.parse(text)


def test_the_share_of_errors_is_the_one_asked_for() -> None:
    """Chance below the share makes an error, chance at the share does not."""
    chances = iter([0.049, 0.05, 0.9])
    app = layers.Faulty(greeting, faults.parse("errors:0.05"), frozenset(), lambda: next(chances))
    assert [ask(app, "/api/patients").status for _ in range(3)] == [500, 200, 200]


def test_errors_may_begin_only_after_a_while() -> None:
    """A release that passes its trial can still fail later."""
    app = layers.Faulty(greeting, faults.parse("errors:1:1m"), frozenset())
    assert ask(app, "/api/patients").status == 200


def test_errors_may_begin_only_after_so_many_requests() -> None:
    """However fast they come; what is spared does not count."""
    app = layers.Faulty(greeting, faults.parse("errors:1:2requests"), frozenset({"/api/health"}))
    asked = ["/api/patients", "/api/health", "/api/patients", "/api/patients"]
    assert [ask(app, path).status for path in asked] == [200, 200, 200, 500]


def test_spared_paths_never_fail() -> None:
    """The health check is not touched even when every request fails."""
    app = layers.Faulty(greeting, faults.parse("errors:1"), frozenset({"/api/health"}))
    assert ask(app, "/api/health").status == 200
    assert ask(app, "/api/patients").status == 500
