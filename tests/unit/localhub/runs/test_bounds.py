"""Runs that would grow without end are refused, and hold up nobody."""

from collections.abc import Mapping

import pytest

from localhub.base.errors import PlatformError
from localhub.runs.bounds import MOST_JOBS, MOST_WORKFLOWS
from localhub.runs.records import Conclusion, Job, Run, Status
from tests.fakes.localhub import Bench, job, workflow

CI, FOLDER = ".github/workflows/ci.yml", ".github/workflows"
BOTH = "name: CI\non: [push, workflow_call]\njobs:\n"
TOO_MANY = f"The run has more than {MOST_JOBS} jobs, those of the workflows that it calls included"
QUICK = "name: Quick\non: push\njobs:\n  quick:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"


def call(name: str, more: str = "", path: str = CI) -> str:
    """A job that calls a workflow file."""
    return f"  {name}:\n    uses: ./{path}\n{more}"


def matrix(entries: int) -> str:
    """A strategy of so many entries."""
    return f"    strategy: {{matrix: {{n: {list(range(entries))}}}}}\n"


BOMBS = {
    "itself": "".join(call(f"j{n}") for n in range(20)),
    "itself twice": call("a") + call("b"),
    "a matrix of itself": call("a", matrix(256)),
    "one after another": call("a") + call("b", "    needs: a\n    if: always()\n" + matrix(99)),
    "many that wait": call("a", matrix(20)) + "".join(job(f"j{n}", "    needs: a\n") for n in range(60)),
    "many that are skipped": "".join(job(f"j{n}", "    if: false\n") for n in range(MOST_JOBS + 1)),
    "many matrices": "".join(job(f"j{n}", matrix(256)) for n in range(5)),
}


@pytest.mark.parametrize("jobs", BOMBS.values(), ids=BOMBS)
def test_a_run_that_would_grow_without_end_fails_at_once_with_one_remark(jobs: str) -> None:
    bench = Bench({CI: BOTH + jobs})
    run = bench.run(bench.push())
    assert (run.status, run.conclusion) == (Status.COMPLETED, Conclusion.STARTUP_FAILURE)
    assert [(each.message, each.path) for each in run.annotations] == [(TOO_MANY, CI)]
    assert bench.runs.next_id("jobs") <= MOST_JOBS + 256 + 1, "no more were made than the bound and a matrix"


def test_a_run_may_have_as_many_jobs_as_that() -> None:
    bench = Bench({CI: BOTH + "".join(job(f"j{n}", matrix(256)) for n in range(MOST_JOBS // 256))})
    run = bench.run(bench.push())
    assert (len(run.jobs), run.status) == (MOST_JOBS, Status.IN_PROGRESS)


def calling(different: int) -> Mapping[str, str]:
    """A workflow that calls so many others, each twice."""
    called = [f"{FOLDER}/w{n}.yml" for n in range(different)]
    text = "name: CI\non: push\njobs:\n"
    text += "".join(call(f"j{n}", path=path) for n, path in enumerate([*called, *called]))
    return {CI: text, **dict.fromkeys(called, "on: workflow_call\njobs:\n" + job("a"))}


def test_a_run_calls_fifty_different_workflows_and_no_more() -> None:
    assert MOST_WORKFLOWS == 50
    bench = Bench(calling(50))
    assert bench.run(bench.push()).status is Status.IN_PROGRESS
    run = (bench := Bench(calling(51))).run(bench.push())
    assert run.conclusion == Conclusion.STARTUP_FAILURE
    assert [each.message for each in run.annotations] == [
        "The run calls more than 50 different reusable workflows"
    ]


def test_a_run_that_grows_too_large_late_ends_what_it_has_begun_whoever_cannot_be_told() -> None:
    told: list[tuple[str, str | None]] = []

    def tell(_run: Run, changed: Job) -> None:
        told.append((changed.name, changed.conclusion))
        if changed.conclusion is Conclusion.CANCELLED:
            raise PlatformError("a damaged document")

    jobs = job("first") + job("slow") + job("never", "    if: false\n")
    grows = call("more", "    needs: first\n" + matrix(256))
    bench = Bench({CI: BOTH + jobs + grows}, job_changed=tell)
    bench.push()
    slow = bench.job("slow").id
    bench.end("first")
    assert (bench.run().conclusion, bench.states()) == (
        Conclusion.FAILURE,
        {"first": "success", "slow": "cancelled", "never": "skipped"},
    )
    assert [each.message for each in bench.run().annotations] == [TOO_MANY]
    assert bench.jobs.cancelled == [slow]
    assert told[-1] == ("slow", "cancelled")


def test_other_runs_go_on_and_so_does_the_next_server() -> None:
    bench = Bench({CI: BOTH + BOMBS["itself"], f"{FOLDER}/quick.yml": QUICK})
    bomb, quick = bench.happens()
    assert bench.run(bomb.id).conclusion == Conclusion.STARTUP_FAILURE
    bench.end("quick", run_id=quick.id)
    assert bench.run(quick.id).conclusion == Conclusion.SUCCESS
    bench.engine.again(bomb.id, "ada")
    bench.restart()
    bench.tick()
    assert (bench.run(bomb.id).attempt, bench.run(bomb.id).conclusion) == (2, Conclusion.STARTUP_FAILURE)
    assert bench.runs.active() == []


def test_one_job_that_cannot_be_started_keeps_no_other_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(workflow(job("broken", "    environment: broken\n") + job("well")))
    of = bench.secrets.of

    def failing(repository: str, environment: str | None) -> dict[str, str]:
        if environment == "broken":
            raise TypeError("a list is no mapping")
        return of(repository, environment)

    monkeypatch.setattr(bench.secrets, "of", failing)
    bench.push()
    assert bench.states() == {"broken": "failure", "well": "in_progress"}
    words = "localhub could not start this job: TypeError: a list is no mapping"
    assert bench.job("broken").annotations[-1].message == words


@pytest.mark.parametrize("minutes", [".inf", "'${{ fromJSON(''1e999'') }}'", "'${{ fromJSON(''1e99'') }}'"])
def test_a_step_may_be_given_more_minutes_than_there_are(minutes: str) -> None:
    step = f"  a:\n    runs-on: ubuntu-latest\n    steps: [{{run: 'true', timeout-minutes: {minutes}}}]\n"
    bench = Bench(workflow(step))
    bench.push()
    order = bench.jobs.orders[bench.job("a").id]
    assert order.workflow["jobs"]["a"]["steps"][0]["timeout-minutes"] == 360 * 24


def test_a_limit_of_infinitely_many_jobs_at_once_is_none() -> None:
    strategy = "    strategy: {max-parallel: '${{ fromJSON(''1e999'') }}', matrix: {n: [1, 2]}}\n"
    bench = Bench(workflow(job("a", strategy)))
    bench.push()
    assert bench.states() == {"a (1)": "in_progress", "a (2)": "in_progress"}
