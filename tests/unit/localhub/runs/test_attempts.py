"""Another attempt of a run: what runs again, and what is carried over."""

import pytest

from localhub.base.errors import RefusedError
from localhub.runs.attempts import MOST_AGAIN
from tests.fakes.localhub import CHAIN, MATRIX, Bench, job, workflow


def test_another_attempt_of_what_failed_carries_the_rest_over() -> None:
    bench = Bench(CHAIN)
    run = bench.push()
    bench.end("build", v="1.2")
    bench.end("test", "failure")
    bench.end("notify")
    bench.end("clean")
    before = bench.job("build").id
    bench.engine.again(run, "bob", failed_only=True)
    bench.tick()
    assert bench.states() == {"build": "success", "test": "in_progress"}
    carried = bench.job("build")
    assert (bench.run().attempt, carried.log_of, carried.id != before) == (2, before, True)
    bench.end("test")
    bench.end("clean")
    assert (bench.run().conclusion, bench.run().triggering_actor) == ("success", "bob")
    assert [each.conclusion for each in bench.run().attempts()] == ["failure", "success"]


def test_a_run_has_no_more_attempts_than_github_gives_it() -> None:
    bench = Bench(workflow(job("a")))
    run = bench.push()
    for _ in range(MOST_AGAIN):
        bench.end("a")
        bench.engine.again(run, "bob")
        bench.tick()
    bench.end("a")
    with pytest.raises(RefusedError, match="was run again 50 times"):
        bench.engine.again(run, "bob")
    assert bench.run().attempt == MOST_AGAIN + 1


def test_of_a_matrix_only_what_failed_runs_again() -> None:
    bench = Bench(MATRIX.replace("matrix:", "fail-fast: false\n      matrix:"))
    run = bench.push()
    for name, conclusion in (("test (1)", "success"), ("test (2)", "failure"), ("test (3)", "success")):
        bench.end(name, conclusion)
    bench.engine.again(run, "bob", failed_only=True)
    bench.tick()
    assert bench.states() == {"test (1)": "success", "test (2)": "in_progress", "test (3)": "success"}


def test_one_job_again_takes_what_needs_it_along() -> None:
    bench = Bench(workflow(job("a") + job("b") + job("c", "    needs: b\n")))
    run = bench.push()
    for name in ("a", "b", "c"):
        bench.end(name)
    bench.engine.again(run, "bob", job_id=bench.job("b").id)
    bench.tick()
    assert bench.states() == {"a": "success", "b": "in_progress"}


def test_attempts_start_in_different_seconds_for_gh_tells_their_logs_apart_by_that() -> None:
    bench = Bench(workflow(job("a")))
    run = bench.push()
    bench.end("a", "failure")
    bench.engine.again(run, "bob")
    first, second = (attempt.started_at.timestamp() for attempt in bench.run().attempts())
    assert int(second) == int(first) + 1


def test_a_running_run_cannot_be_run_again() -> None:
    bench = Bench(MATRIX)
    with pytest.raises(RefusedError, match="already running"):
        bench.engine.again(bench.push(), "bob")
