"""A store that fails for a while, or will not take what was reported: the engine goes on."""

import threading

import pytest

from localhub.runs.ports import Progress
from localhub.runs.records import Conclusion, Run
from tests.fakes.localhub import Bench, job, workflow
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
