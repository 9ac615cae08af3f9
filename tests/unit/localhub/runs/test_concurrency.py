"""Groups of runs and of jobs: one at work, one waiting, and who makes way."""

from localhub.runs.records import Status
from tests.fakes.localhub import Bench, job, workflow

GROUPED = workflow(job("a"), "concurrency: {group: deploy}\n")


def test_of_a_group_one_runs_one_waits_and_a_newer_one_takes_its_place() -> None:
    bench = Bench(GROUPED)
    first, second, third = bench.push(), bench.push(), bench.push()
    assert bench.run(first).status is Status.IN_PROGRESS
    assert (bench.run(second).status, bench.run(second).conclusion) == (Status.COMPLETED, "cancelled")
    assert bench.run(third).status is Status.PENDING
    bench.end("a", run_id=first)
    assert bench.run(third).status is Status.IN_PROGRESS


def test_cancel_in_progress_ends_the_one_at_work() -> None:
    bench = Bench(GROUPED.replace("group: deploy", "group: deploy, cancel-in-progress: true"))
    first = bench.push()
    bench.push()
    assert bench.jobs.cancelled == [bench.job("a", first).id]


ALONE = workflow(job("a", "    concurrency: deploy\n") + job("b", "    needs: a\n"))


def test_of_a_job_s_group_too_one_runs_one_waits_and_a_newer_one_takes_its_place() -> None:
    bench = Bench(ALONE)
    first, second, third = bench.push(), bench.push(), bench.push()
    assert bench.states(first) == {"a": "in_progress"}
    assert bench.states(second) == {"a": "cancelled", "b": "skipped"}
    assert bench.run(second).conclusion == "cancelled"
    assert "higher priority waiting request for 'deploy'" in bench.job("a", second).annotations[0].message
    assert bench.states(third) == {"a": "queued"}
    bench.end("a", run_id=first)
    assert bench.states(third) == {"a": "in_progress"}


def test_a_job_that_cancels_in_progress_ends_the_one_at_work_and_not_its_run_s_others() -> None:
    grouped = "    concurrency: {group: deploy, cancel-in-progress: true}\n"
    bench = Bench(workflow(job("a", grouped) + job("other")))
    first, second = bench.push(), bench.push()
    assert bench.jobs.cancelled == [bench.job("a", first).id]
    bench.end("a", "cancelled", run_id=first)
    assert bench.states(first) == {"a": "cancelled", "other": "in_progress"}
    assert bench.states(second)["a"] == "in_progress"
