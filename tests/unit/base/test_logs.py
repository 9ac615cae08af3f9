"""A log that cannot be written costs lines, and nothing else."""

import io
from pathlib import Path

import pytest
import structlog

from carelane.base import logs
from carelane.base.clock import ManualClock
from carelane.base.errors import Unavailable
from carelane.base.logs import Rotation


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


def test_a_log_that_has_grown_too_long_is_put_aside_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with path.open("ab") as log:
        rotation = Rotation(path, limit_bytes=100, descriptor=log.fileno())
        log.write(b"old" * 40)
        log.flush()
        rotation.step()
        assert (tmp_path / "server.log.1").read_bytes() == (b"old" * 40)[-100:]
        log.write(b"new")
        log.flush()
        rotation.step()
    assert path.read_bytes() == b"new"


def test_what_is_logged_elsewhere_is_let_alone(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_bytes(b"of an earlier server" * 10)
    with (tmp_path / "other.log").open("ab") as log:
        Rotation(tmp_path / "server.log", limit_bytes=100, descriptor=log.fileno()).step()
        Rotation(tmp_path / "none.log", limit_bytes=100, descriptor=log.fileno()).step()
    assert len((tmp_path / "server.log").read_bytes()) == 200
