"""A log that cannot be written costs lines, and nothing else."""

import io

import pytest
import structlog

from carelane.base import logs
from carelane.base.clock import ManualClock
from carelane.base.errors import Unavailable


class FullFile(io.StringIO):
    """Takes nothing while it is full."""

    full = False

    def write(self, text: str) -> int:
        """Write, unless there is no room."""
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_lines_that_cannot_be_written_are_counted_and_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    file = FullFile()
    monkeypatch.setattr("sys.stderr", file)
    logs.configure()
    try:
        log = structlog.get_logger()
        log.info("first")
        file.full = True
        log.info("second")
        log.error("third")
        file.full = False
        log.info("fourth")
    finally:
        structlog.reset_defaults()
    lines = file.getvalue().splitlines()
    assert ["first" in lines[0], lines[1], "fourth" in lines[2], len(lines)] == [
        True,
        "2 lines of this log could not be written",
        True,
        3,
    ]


def test_a_reader_that_has_left_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    logs.configure()
    try:
        file.close()
        structlog.get_logger().error("nobody reads this")
    finally:
        structlog.reset_defaults()


def test_the_same_failure_is_said_once_a_minute_and_a_traceback_is_for_what_nobody_expected() -> None:
    clock = ManualClock()
    with structlog.testing.capture_logs() as said:
        report = logs.Reports(clock.monotonic)
        for _ in range(100):
            report("production", Unavailable("PostgreSQL does not start", hint="see its log"))
        report("production", KeyError("unexpected"))
        clock.advance(logs.AGAIN_SECONDS)
        report("production", Unavailable("PostgreSQL does not start", hint="see its log"))
    assert [line["error"] for line in said] == [
        "PostgreSQL does not start",
        "'unexpected'",
        "PostgreSQL does not start",
    ]
    assert ["exc_info" in line for line in said] == [False, True, False]
    assert said[2]["times_since_it_was_last_said"] == 99
