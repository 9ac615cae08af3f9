"""localhub's loops: nothing ends them but being told to, and what does not go on can be told."""

import logging
import threading

import pytest

from localhub.base import loops
from localhub.base.loops import LATE_SECONDS, Loop, Watch
from tests.waiting import until


class Unwritable(logging.Handler):
    """A log on a disk that is full."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write nothing."""
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("problem", [ValueError("wrong"), SystemExit(1)])
def test_neither_a_failure_nor_a_log_that_cannot_be_written_ends_one(
    monkeypatch: pytest.MonkeyPatch, problem: BaseException
) -> None:
    monkeypatch.setattr(loops, "AFTER_FAILURE_SECONDS", 0.0)
    handler = Unwritable()
    logging.getLogger(loops.__name__).addHandler(handler)
    stopping, steps = threading.Event(), list[int]()

    def step(_: threading.Event) -> None:
        steps.append(1)
        if len(steps) == 3:
            stopping.set()
        raise problem

    loop = Loop("pushes", step, stopping)
    loop.begin()
    try:
        until(stopping.is_set, 30, "the third step")
    finally:
        logging.getLogger(loops.__name__).removeHandler(handler)
    assert len(steps) == 3


def test_a_pass_that_does_not_come_back_is_told() -> None:
    stopping, inside, now = threading.Event(), threading.Event(), [0.0]

    def step(stopping: threading.Event) -> None:
        inside.set()
        stopping.wait(30)

    watch = Watch([Loop("engine", step, stopping, clock=lambda: now[0])], stopping)
    watch.begin()
    assert inside.wait(30)
    assert watch.failing() == []
    now[0] = LATE_SECONDS
    assert watch.failing() == ["a pass of engine has not come back for 120 s"]
    stopping.set()


def test_one_that_was_given_no_thread_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping, stepped, start = threading.Event(), threading.Event(), threading.Thread.start

    def refused_once(thread: threading.Thread) -> None:
        if thread.name == "engine":
            monkeypatch.setattr(threading.Thread, "start", start)
            raise RuntimeError("can't start new thread")
        start(thread)

    def step(stopping: threading.Event) -> None:
        stepped.set()
        stopping.wait(30)

    monkeypatch.setattr(threading.Thread, "start", refused_once)
    Watch([Loop("engine", step, stopping)], stopping).begin()
    assert stepped.wait(30)
    stopping.set()
