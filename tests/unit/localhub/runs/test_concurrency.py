"""Groups of runs and of jobs: one at work, one waiting, and who makes way."""

import pytest

from localhub.runs.records import Status
from tests.fakes.localhub import CI, Bench, job, workflow

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


def calling(more: str = "", called: str = "", inner: str = "", head: str = "") -> Bench:
    """A workflow whose one job calls another of two jobs, one after the other."""
    top = workflow(f"  ship:\n{more}    uses: ./.github/workflows/ship.yml\n", head)
    ship = f"on: workflow_call\n{called}jobs:\n" + job("a", inner) + job("b", "    needs: a\n")
    return Bench({CI: top, ".github/workflows/ship.yml": ship})


@pytest.mark.parametrize(
    "where", [{"more": "    concurrency: deploy\n"}, {"called": "concurrency: deploy\n"}]
)
def test_a_call_has_its_group_from_its_first_job_to_its_last(where: dict[str, str]) -> None:
    """The calling job's group, and the called workflow's own: two of them once deployed at the same time."""
    bench = calling(**where)
    first, second, third = bench.push(), bench.push(), bench.push()
    assert bench.states(first) == {"ship / a": "in_progress"}
    assert bench.states(second) == {"ship / a": "cancelled", "ship / b": "skipped"}
    assert bench.states(third) == {"ship / a": "queued"}
    bench.end("ship / a", run_id=first)
    assert bench.states(first)["ship / b"] == "in_progress"
    assert bench.states(third) == {"ship / a": "queued"}
    bench.end("ship / b", run_id=first)
    assert bench.run(first).conclusion == "success"
    assert bench.states(third) == {"ship / a": "in_progress"}


def test_a_call_that_cancels_in_progress_ends_the_one_at_work() -> None:
    bench = calling(called="concurrency: {group: deploy, cancel-in-progress: true}\n")
    first, second = bench.push(), bench.push()
    assert bench.jobs.cancelled == [bench.job("ship / a", first).id]
    bench.end("ship / a", run_id=first)
    assert bench.states(first) == {"ship / a": "cancelled", "ship / b": "skipped"}
    assert bench.states(second) == {"ship / a": "in_progress"}


@pytest.mark.parametrize(
    ("where", "between"),
    [
        ({"more": "    concurrency: deploy\n", "called": "concurrency: Deploy\n"}, "'ship' and 'ship'"),
        (
            {"head": "concurrency: deploy\n", "called": "concurrency: deploy\n"},
            "'top level workflow' and 'ship'",
        ),
        ({"called": "concurrency: deploy\n", "inner": "    concurrency: deploy\n"}, "'ship' and 'ship / a'"),
    ],
)
def test_a_group_that_the_caller_has_is_a_deadlock_and_ended_by_its_name(
    where: dict[str, str], between: str
) -> None:
    bench = calling(**where)
    run = bench.run(bench.push())
    assert run.conclusion == "failure"
    words = [remark.message for each in run.jobs for remark in each.annotations]
    assert [between] == [word.partition(" detected between ")[2] for word in words if "deadlock" in word]
    assert "concurrency group 'deploy'" in " ".join(words).lower()


def test_a_run_and_a_job_of_another_are_never_at_work_in_a_group_at_once() -> None:
    by_hand = ".github/workflows/deploy.yml"
    grouped = workflow(job("c"), "concurrency: deploy\n").replace("[push, ", "[")
    bench = Bench({CI: ALONE, by_hand: grouped})
    first = bench.push()
    (second,) = [run.id for run in bench.happens("workflow_dispatch", only=by_hand)]
    assert bench.states(first) == {"a": "in_progress"}
    assert bench.run(second).status is Status.PENDING
    bench.end("a", run_id=first)
    assert bench.states(second) == {"c": "in_progress"}
    third = bench.push()
    assert bench.states(third) == {"a": "queued"}
    bench.end("c", run_id=second)
    assert bench.states(third) == {"a": "in_progress"}


BY_HAND = ".github/workflows/deploy.yml"


def beside(more: str = "") -> Bench:
    """A push starts a job of the group, `workflow_dispatch` of the other file a run of it."""
    grouped = workflow(job("c"), f"concurrency: {{group: deploy{more}}}\n").replace("[push, ", "[")
    return Bench({CI: ALONE, BY_HAND: grouped})


def by_hand(bench: Bench) -> int:
    (run,) = [run.id for run in bench.happens("workflow_dispatch", only=BY_HAND)]
    return run


def test_of_runs_and_jobs_together_one_waits_and_the_newest_takes_its_place() -> None:
    bench = beside()
    first, second, third = bench.push(), by_hand(bench), bench.push()
    assert bench.states(first) == {"a": "in_progress"}
    assert (bench.run(second).status, bench.run(second).conclusion) == (Status.COMPLETED, "cancelled")
    assert bench.states(third) == {"a": "queued"}
    fourth = by_hand(bench)
    assert bench.states(third) == {"a": "cancelled", "b": "skipped"}
    bench.end("a", run_id=first)
    assert bench.states(fourth) == {"c": "in_progress"}


def test_a_run_that_cancels_in_progress_ends_a_job_at_work_of_another() -> None:
    bench = beside(", cancel-in-progress: true")
    first = bench.push()
    second = by_hand(bench)
    assert bench.jobs.cancelled == [bench.job("a", first).id]
    bench.end("a", "cancelled", run_id=first)
    assert bench.states(second) == {"c": "in_progress"}


def test_with_queue_max_all_wait_and_go_on_in_the_order_in_which_they_came() -> None:
    bench = Bench(GROUPED.replace("group: deploy", "group: deploy, queue: max"))
    runs = [bench.push() for _ in range(4)]
    for at, run in enumerate(runs):
        assert bench.run(run).status is Status.IN_PROGRESS
        assert all(bench.run(later).status is Status.PENDING for later in runs[at + 1 :])
        bench.end("a", run_id=run)
    assert {bench.run(run).conclusion for run in runs} == {"success"}


def test_more_than_a_hundred_do_not_wait() -> None:
    bench = Bench(GROUPED.replace("group: deploy", "group: deploy, queue: max"))
    runs = [bench.push() for _ in range(102)]
    assert bench.run(runs[1]).conclusion == "cancelled"
    assert bench.run(runs[2]).status is Status.PENDING


def test_a_queue_is_single_or_max() -> None:
    bench = Bench(GROUPED.replace("group: deploy", "group: deploy, queue: some"))
    assert bench.run(bench.push()).conclusion == "startup_failure"
