"""A store that fails for a while, or will not take what was reported: the engine goes on."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from localhub.base.errors import PlatformError
from localhub.runs.ports import Progress, StoreUnavailableError
from localhub.runs.records import Conclusion, Job, Run, Status
from tests.fakes.localhub import CHAIN, Bench, job, workflow
from tests.waiting import until


def test_a_store_that_fails_for_a_while_stops_nothing_and_loses_no_report(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(workflow(job("a")))
    run = bench.push()
    bench.jobs.reports(bench.job("a").id, Progress(conclusion=Conclusion.SUCCESS))
    failing = [OSError("the disk is full"), OSError("the disk is full")]
    save = bench.runs.save

    def saved(changed: Run) -> None:
        if failing:
            raise failing.pop()
        save(changed)

    monkeypatch.setattr(bench.runs, "save", saved)
    stopping = threading.Event()
    loop = threading.Thread(
        target=bench.engine.run_forever, args=(stopping,), kwargs={"at_least_every_seconds": 0.01}
    )
    loop.start()
    try:
        until(lambda: bench.run(run).done, 5, "the run ends")
    finally:
        stopping.set()
        loop.join(5)
    assert bench.run(run).conclusion == "success"
    assert caplog.text.count("the disk is full") == 2


def test_a_report_that_no_store_takes_fails_its_job_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(workflow(job("a") + job("b")))
    bench.push()
    save = bench.runs.save

    def saved(changed: Run) -> None:
        if any("\ud800" in found.summary for found in changed.jobs):
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        save(changed)

    monkeypatch.setattr(bench.runs, "save", saved)
    bench.jobs.reports(bench.job("a").id, Progress(summary="\ud800"))
    bench.tick()
    bench.end("b")
    assert bench.states() == {"a": "failure", "b": "success"}
    assert "could not keep what this job reported" in bench.job("a").annotations[-1].message
    assert bench.job("a").id in bench.jobs.cancelled


def failing_once(do: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but the store is locked when it is asked for the first time."""
    failing = [StoreUnavailableError("database is locked")]

    def done(*arguments: Any) -> Any:  # noqa: ANN401 - whatever *do* takes and gives
        if failing:
            raise failing.pop()
        return do(*arguments)

    return done


@pytest.mark.parametrize("asked", ["save", "next_id"])
def test_a_store_that_fails_while_a_run_goes_on_fails_no_run(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """What the pass would have done is done by the next one."""
    bench = Bench(CHAIN)
    bench.push()
    bench.jobs.end(bench.job("build").id)
    bench.engine._take_in()
    monkeypatch.setattr(bench.runs, asked, failing_once(getattr(bench.runs, asked)))
    with pytest.raises(StoreUnavailableError):
        bench.engine.tick()
    assert (bench.run().status, bench.states()) == (Status.IN_PROGRESS, {"build": "success"})
    bench.tick()
    bench.end("test")
    bench.end("clean")
    assert bench.states() == {"build": "success", "test": "success", "notify": "skipped", "clean": "success"}
    assert (bench.run().conclusion, bench.run().annotations) == (Conclusion.SUCCESS, ())


def test_a_store_that_fails_as_a_run_ends_leaves_nobody_untold() -> None:
    told: list[Run] = []
    bench = Bench(workflow(job("a")), run_ended=failing_once(told.append))
    bench.push()
    bench.jobs.end(bench.job("a").id)
    with pytest.raises(StoreUnavailableError):
        bench.engine.tick()
    assert told == []
    bench.tick()
    assert told == [bench.run()]
    assert (bench.run().conclusion, bench.run().annotations) == (Conclusion.SUCCESS, ())


def test_a_job_that_is_kept_as_started_is_started_whatever_fails_then() -> None:
    told: list[Job] = []
    bench = Bench(workflow(job("a")), job_changed=failing_once(lambda _run, changed: told.append(changed)))
    with pytest.raises(StoreUnavailableError):
        bench.push()
    bench.tick()
    bench.end("a")
    assert (bench.run().conclusion, bench.states()) == (Conclusion.SUCCESS, {"a": "success"})
    assert told == list(bench.run().jobs)


def test_a_job_whose_end_could_not_be_told_is_told_of_again() -> None:
    told: list[Job] = []
    tell = failing_once(told.append)

    def changes(_run: Run, changed: Job) -> None:
        if changed.done:
            tell(changed)

    bench = Bench(workflow(job("a")), job_changed=changes)
    bench.push()
    bench.jobs.end(bench.job("a").id)
    with pytest.raises(StoreUnavailableError):
        bench.engine.tick()
    bench.tick()
    assert told == list(bench.run().jobs)
    assert bench.run().conclusion is Conclusion.SUCCESS


def test_what_fails_after_a_runs_end_does_not_change_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    def ended(_run: Run) -> None:
        raise PlatformError("git for-each-ref: 128")

    bench = Bench(workflow(job("a")), run_ended=ended)
    bench.push()
    bench.end("a")
    assert (bench.run().conclusion, bench.run().annotations) == (Conclusion.SUCCESS, ())
    assert "git for-each-ref: 128" in caplog.text
