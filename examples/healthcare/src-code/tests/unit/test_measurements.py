"""The last minute is the last minute."""

from service_kit import measurements


class ManualClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Begin at a thousand seconds."""
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_nothing_yet_is_zero() -> None:
    """No request, no division by zero."""
    window = measurements.LastMinute(ManualClock())
    assert (window.response_time_seconds(), window.error_rate_ratio(), window.throughput_per_second()) == (0, 0, 0)


def test_requests_are_forgotten_after_a_minute() -> None:
    """An incident an hour ago does not colour the present."""
    clock = ManualClock()
    window = measurements.LastMinute(clock)
    window.add(2.0, failed=True)
    clock.now += 30
    window.add(1.0, failed=False)
    assert (window.response_time_seconds(), window.error_rate_ratio()) == (1.5, 0.5)
    clock.now += 31
    assert (window.response_time_seconds(), window.error_rate_ratio()) == (1.0, 0.0)
    clock.now += 60
    assert window.response_time_seconds() == 0


def test_throughput_is_right_from_the_first_seconds_on() -> None:
    """A young process divides by its age, an old one by a minute."""
    clock = ManualClock()
    window = measurements.LastMinute(clock)
    for _ in range(20):
        window.add(0.1, failed=False)
    clock.now += 10
    assert window.throughput_per_second() == 2.0
    clock.now += 40
    assert window.throughput_per_second() == 0.4
