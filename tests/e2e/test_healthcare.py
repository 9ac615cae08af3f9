"""The healthcare example under its own staff's traffic: replaced, nothing lost, its data kept."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.systems.healthcare import Healthcare
from tests.waiting import until


@pytest.fixture
def healthcare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthcare]:
    """v1.0 in development, and v2.0 packed."""
    system = Healthcare(tmp_path_factory.mktemp("example") / "healthcare")
    system.carelane("up", "--detach")
    try:
        for release in ("v1.0", "v2.0"):
            system.carelane("release", "create", "--commit", release)
        system.carelane("deploy", "development", "--release", "v1.0", "--wait")
        yield system
    finally:
        system.down()


def test_the_staff_goes_on_working_while_a_release_with_a_migration_replaces_the_last(
    healthcare: Healthcare,
) -> None:
    with healthcare.traffic("development", rate=15) as seconds:
        until(lambda: _served(seconds, "v1.0") > 20, 40, "the staff works with v1.0")
        healthcare.carelane("deploy", "development", "--release", "v2.0", "--wait")
        until(lambda: _served(seconds, "v2.0") > 20, 40, "the staff works with v2.0")
    assert sum(second["lost"] for second in seconds) == 0
    statuses = {status for second in seconds for counts in second["versions"].values() for status in counts}
    assert not {status for status in statuses if status.startswith("5")}, statuses
    with urllib.request.urlopen(f"{healthcare.url('development')}/api/health", timeout=10) as answer:
        health = json.load(answer)
    assert (health["status"], health["version"]) == ("ok", "v2.0")


def _served(seconds: list[dict[str, Any]], label: str) -> int:
    return sum(sum(second["versions"].get(label, {}).values()) for second in seconds)
