from datetime import UTC, datetime

from carelane.base.clock import ManualClock, RealClock


def test_a_manual_clock_moves_only_when_told_to() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 3, 1, tzinfo=UTC)
    clock.advance(90)
    assert clock.now() == datetime(2026, 3, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90


def test_a_manual_clocks_sleep_is_over_at_once() -> None:
    clock = ManualClock()
    clock.sleep(3600)
    assert clock.monotonic() == 3600


def test_the_real_clock_knows_its_zone() -> None:
    assert RealClock().now().utcoffset() is not None
