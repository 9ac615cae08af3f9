"""A loop goes on whatever happens in it, until it is stopped; what does not go on is told and begun again."""

import threading

import pytest

from carelane.base.clock import ManualClock
from carelane.base.loops import LATE_SECONDS, Failing, Loop, Watchdog
from tests.waiting import until


def ignored(*_: object) -> None:
    """Report to nobody."""


def test_an_error_is_reported_and_ends_nothing() -> None:
    reported: list[str] = []
    steps: list[int] = []

    def step() -> float:
        steps.append(len(steps))
        loop.wake()
        if len(steps) == 3:
            loop.stop()
        if len(steps) == 2:
            raise ValueError("once")
        return 3600.0

    loop = Loop("engine", step, lambda name, error: reported.append(f"{name}: {error}"))
    loop.run()
    assert (steps, reported) == ([0, 1, 2], ["engine: once"])


@pytest.mark.parametrize("what", [ValueError("wrong"), SystemExit(1), MemoryError()])
@pytest.mark.parametrize("report_fails", [OSError(28, "No space left on device"), BrokenPipeError()])
def test_neither_an_error_nor_a_report_that_fails_ends_it(
    what: BaseException, report_fails: Exception
) -> None:
    steps: list[int] = []

    def step() -> float:
        steps.append(1)
        loop.wake()
        if len(steps) == 2:
            loop.stop()
        raise what

    def report(*_: object) -> None:
        raise report_fails

    loop = Loop("engine", step, report)
    loop.run()
    assert len(steps) == 2


def test_a_step_that_says_nothing_of_when_it_is_due_ends_nothing() -> None:
    steps: list[int] = []

    def step() -> float:
        steps.append(1)
        if len(steps) == 2:
            loop.stop()
        return "soon"  # type: ignore[return-value]  # our own mistake, somewhere

    loop = Loop("engine", step, ignored)
    loop.run()
    assert len(steps) == 2


def test_a_stopped_loop_takes_no_step_and_fails_at_nothing() -> None:
    steps: list[int] = []

    def step() -> float:
        steps.append(1)
        return 0.0

    loop = Loop("engine", step, ignored)
    loop.stop()
    loop.run()
    assert (steps, loop.failing()) == ([], None)


def test_a_step_that_does_not_come_back_is_failing_for_as_long_as_it_does_not() -> None:
    clock, inside, go_on = ManualClock(), threading.Event(), threading.Event()

    def step() -> float:
        inside.set()
        go_on.wait(30)
        return 3600.0

    loop = Loop("engine of production", step, ignored, clock=clock.monotonic)
    loop.begin()
    assert inside.wait(30)
    assert loop.failing() is None
    clock.advance(LATE_SECONDS)
    found = loop.failing()
    assert found is not None
    assert (found.part, found.why) == ("engine of production", "its step has not come back for 60 s")
    go_on.set()
    until(lambda: loop.failing() is None, 30, "the step came back")
    loop.stop(30)


def test_a_loop_whose_steps_all_fail_is_failing_until_one_does_not() -> None:
    outcomes = iter([True, True, True, False])

    def step() -> float:
        loop.wake()
        if next(outcomes):
            raise OSError("no database")
        loop.stop()
        return 0.0

    told: list[Failing | None] = []
    loop = Loop("traffic", step, lambda *_: told.append(loop.failing()))
    loop.begin()
    until(lambda: len(told) == 3, 30, "three steps in a row failed")
    loop.stop(30)
    assert told == [None, None, Failing("traffic", "its last 3 steps failed: OSError: no database")]


def test_a_loop_that_was_given_no_thread_is_failing_and_begun_again_by_the_watchdog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stepped, reported = threading.Event(), list[str]()

    def step() -> float:
        stepped.set()
        return 3600.0

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    loop = Loop("engine", step, ignored)
    watchdog = Watchdog([loop], lambda name, error: reported.append(f"{name}: {error}"))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        watchdog.begin()
    assert [found.part for found in watchdog.failing()] == ["engine", "watchdog"]
    assert stepped.wait(30), "asking how it is has begun the watchdog, and that the loop"
    until(lambda: watchdog.failing() == [], 30, "both go on")
    assert reported[-1] == "engine: the loop had ended: it is begun again"
    watchdog.stop(30)
    assert watchdog.failing() == []
