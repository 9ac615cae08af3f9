"""The clocks: the machine's, the one to reckon by, and the one that tests turn."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from carelane.base.clock import UNSURE_SECONDS, ManualClock, RealClock, Reckoning, SteadyClock

HOUR = 3600.0
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_manual_clock_moves_only_when_told_to() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    clock.advance(90)
    assert clock.now() == datetime(2026, 3, 1, 0, 1, 30, tzinfo=UTC)


def test_a_manual_clocks_sleep_goes_by_at_once() -> None:
    clock = ManualClock()
    before = clock.monotonic()
    clock.sleep(5)
    assert clock.monotonic() - before == pytest.approx(5)


def test_a_manual_clock_that_is_set_shows_another_time_while_none_goes_by() -> None:
    clock = ManualClock(START)
    clock.set_wall(-2 * HOUR)
    assert (clock.now(), clock.wall(), clock.monotonic()) == (START, START - timedelta(hours=2), 0.0)


def test_the_real_clock_tells_its_zone() -> None:
    assert RealClock().now().utcoffset() is not None
    assert RealClock().wall().utcoffset() is not None


@dataclass
class Machine:
    """A machine's clock, and how long it has run."""

    boot: str = "first"
    shown: float = START.timestamp()
    gone: float = 100.0

    def advance(self, seconds: float) -> None:
        """Time goes by."""
        self.shown += seconds
        self.gone += seconds

    def boots(self, after_seconds: float) -> None:
        """It is off for a while, and started anew."""
        self.shown += after_seconds
        self.boot, self.gone = f"after {self.boot}", 0.0

    def clock(self, known: Reckoning | None = None) -> SteadyClock:
        """What a server that starts now reckons by."""
        return SteadyClock(self.boot, known, shown=lambda: self.shown, gone=lambda: self.gone)


@pytest.mark.parametrize("set_by", [-2 * HOUR, 2 * HOUR])
def test_who_sets_the_machines_clock_moves_no_deadline(set_by: float) -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == clock.wall() == START
    machine.advance(10)
    machine.shown += set_by
    machine.advance(10)
    assert clock.now() == START + timedelta(seconds=20)
    assert clock.wall() == START + timedelta(seconds=20 + set_by)


@pytest.mark.parametrize("set_by", [-2 * HOUR, 2 * HOUR])
def test_the_next_server_of_the_same_boot_goes_on_by_what_has_gone_by(set_by: float) -> None:
    machine = Machine()
    known = machine.clock().reckoning()
    machine.advance(10)
    machine.shown += set_by
    assert machine.clock(known).now() == START + timedelta(seconds=10)


def test_from_one_boot_to_the_next_it_goes_by_the_machines_clock() -> None:
    machine = Machine()
    known = machine.clock().reckoning()
    machine.boots(after_seconds=HOUR)
    clock = machine.clock(known)
    assert clock.now() == clock.wall() == START + timedelta(hours=1)


def test_a_machine_that_boots_in_the_past_turns_nothing_back() -> None:
    machine = Machine()
    first = machine.clock()
    known = first.reckoning()
    machine.advance(UNSURE_SECONDS)  # more than what lies between two times that it is written down
    last = first.now()
    machine.boots(after_seconds=-2 * HOUR)
    clock = machine.clock(known)
    assert clock.now() >= last
    machine.advance(10)
    assert clock.now() >= last + timedelta(seconds=10)
    assert clock.wall() == START + timedelta(seconds=UNSURE_SECONDS + 10) - timedelta(hours=2)
