"""Somebody sets the machine's clock in the middle of a canary: no deadline moves."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.systems import system as systems
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
FOUND = find_spec("libfaketime")
assert FOUND is not None
assert FOUND.origin is not None
LIBRARY = Path(FOUND.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
HOLD_SECONDS = 6
STEPS = {"canary": {"steps": [{"weight": 50}, {"pause": {"seconds": HOLD_SECONDS}}]}}


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that says by how much the server's clock is wrong; what it starts has the machine's."""
    file = tmp_path / "clock"
    file.write_text("+0")
    for name, value in {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }.items():
        monkeypatch.setitem(systems.ENVIRONMENT, name, value)
    yield file
    file.write_text("+0")


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_neither_ends_a_step_nor_keeps_it_waiting(
    clock: Path, make_system: Make, hours: int
) -> None:
    system = make_system(strategy=STEPS)
    system.shipped("v1")
    system.release("v2")
    system.must("deploy", "production", "--release", "v2")
    until(lambda: system.service()["canary_percent"] == 50, 30, "half of the users have v2")
    clock.write_text(f"{hours:+d}h")
    if hours < 0:
        system.must("down", "--keep-running")  # the next server goes on as this one did
        system.up()
    system.until_phase("Succeeded", 60)
    took = system.history()[0]["took_seconds"]
    assert HOLD_SECONDS <= took < 3600
    entries = system.client().get("/events/list", limit=1000)
    assert entries[-1]["entry"]["act"] == "deployment.succeeded"
    told = datetime.fromisoformat(entries[-1]["entry"]["at"])
    assert (told > datetime.now(UTC) + timedelta(hours=1)) == (hours > 0)
