"""Runs, moved by the engine: needs, ifs, matrices, failures, cancelling, attempts, environments, restarts."""

import threading
from dataclasses import replace

import pytest

from localhub.base.errors import ConflictError, InputError, RefusedError
from localhub.runs import protection
from localhub.runs.ports import Progress
from localhub.runs.records import Conclusion, Run, Status
from localhub.runs.starting import Happened
from tests.fakes.localhub import Bench
from tests.waiting import until


def workflow(jobs: str, head: str = "") -> str:
    return f"name: CI\non: [push, workflow_dispatch]\n{head}jobs:\n{jobs}"


def job(name: str, more: str = "") -> str:
    return f"  {name}:\n    runs-on: ubuntu-latest\n{more}    steps:\n      - run: 'true'\n"


CHAIN = workflow(
    job("build", "    outputs: {v: '${{ steps.x.outputs.v }}'}\n")
    + job("test", "    needs: build\n")
    + job("notify", "    needs: test\n    if: failure()\n")
    + job("clean", "    needs: [test]\n    if: always()\n")
)
MATRIX = workflow(job("test", "    strategy:\n      matrix: {n: [1, 2, 3]}\n"))


def test_a_job_waits_for_what_it_needs_and_sees_its_outputs() -> None:
    bench = Bench(
        workflow(
            job("build", "    outputs: {v: '${{ steps.x.outputs.v }}'}\n")
            + job("test", "    needs: build\n    env: {V: '${{ needs.build.outputs.v }}'}\n")
        )
    )
    bench.push()
    assert bench.states() == {"build": "in_progress"}
    bench.end("build", v="1.2")
    order = bench.jobs.orders[bench.job("test").id]
    assert order.workflow["jobs"]["test"]["env"] == {"V": "1.2"}
    bench.end("test")
    assert (bench.run().status, bench.run().conclusion) == (Status.COMPLETED, "success")


def test_after_a_failure_only_what_asks_for_it_runs() -> None:
    bench = Bench(CHAIN)
    bench.push()
    bench.end("build", "failure")
    assert bench.states() == {
        "build": "failure",
        "test": "skipped",
        "notify": "in_progress",
        "clean": "in_progress",
    }
    bench.end("notify")
    bench.end("clean")
    assert bench.run().conclusion == "failure"


def test_without_a_failure_what_waits_for_one_is_skipped() -> None:
    bench = Bench(CHAIN)
    bench.push()
    for name in ("build", "test", "clean"):
        bench.end(name)
    assert bench.states()["notify"] == "skipped"
    assert bench.run().conclusion == "success"


def test_fail_fast_ends_the_others_of_a_matrix() -> None:
    bench = Bench(MATRIX, slots=2)
    bench.push()
    assert [each.name for each in bench.at_work()] == ["test (1)", "test (2)"]
    bench.end("test (1)", "failure")
    assert bench.jobs.cancelled == [bench.job("test (2)").id]
    assert bench.states()["test (3)"] == "cancelled", "it had not begun"
    bench.end("test (2)", "cancelled")
    assert bench.run().conclusion == "failure"


def test_without_fail_fast_the_others_go_on() -> None:
    bench = Bench(MATRIX.replace("matrix:", "fail-fast: false\n      matrix:"))
    bench.push()
    bench.end("test (1)", "failure")
    assert bench.jobs.cancelled == []


def test_max_parallel_holds_the_others_back() -> None:
    bench = Bench(MATRIX.replace("matrix:", "max-parallel: 1\n      matrix:"))
    bench.push()
    assert len(bench.at_work()) == 1
    bench.end("test (1)")
    assert [each.name for each in bench.at_work()] == ["test (2)"]


def test_a_tolerated_failure_fails_nobody() -> None:
    bench = Bench(workflow(job("flaky", "    continue-on-error: true\n") + job("next", "    needs: flaky\n")))
    bench.push()
    bench.end("flaky", "failure")
    bench.end("next")
    assert bench.run().conclusion == "success"
    assert bench.states()["flaky"] == "failure"


def test_a_cancelled_run_ends_as_cancelled_and_lets_always_jobs_run() -> None:
    bench = Bench(CHAIN)
    run = bench.push()
    bench.engine.cancel(run)
    bench.tick()
    assert bench.jobs.cancelled == [bench.job("build").id]
    bench.end("build", "cancelled")
    assert bench.states() == {
        "build": "cancelled",
        "test": "skipped",
        "notify": "skipped",
        "clean": "in_progress",
    }
    bench.end("clean")
    assert bench.run().conclusion == "cancelled"
    with pytest.raises(ConflictError, match="Cannot cancel a workflow run that is completed"):
        bench.engine.cancel(run)


def test_runs_take_turns() -> None:
    bench = Bench(MATRIX, slots=1)
    first, second = bench.push(), bench.push()
    bench.end("test (1)", run_id=first)
    assert [each.name for each in bench.at_work()] == ["test (1)"], "the second run's turn"
    assert bench.job("test (1)", second).status is Status.IN_PROGRESS


def test_an_unknown_label_fails_the_job_and_says_which_there_are() -> None:
    bench = Bench(workflow("  a:\n    runs-on: windows-latest\n    steps:\n      - run: dir\n"))
    bench.push()
    assert bench.run().conclusion == "failure"
    assert "windows-latest: this machine has" in bench.job("a").annotations[0].message


# -- environments


DEPLOY = workflow(job("ship", "    environment: production\n"))


def test_an_environment_with_reviewers_holds_its_job_until_one_approves() -> None:
    bench = Bench(DEPLOY)
    bench.rules["production"] = protection.Rules(reviewers=("alice",))
    run = bench.push()
    assert (bench.run().status, bench.states()) == (Status.WAITING, {"ship": "waiting"})
    with pytest.raises(RefusedError, match="ada is not a reviewer"):
        bench.engine.review(run, ["production"], "approved", "", "ada")
    bench.engine.review(run, ["production"], "approved", "verified", "alice")
    bench.tick()
    assert bench.states() == {"ship": "in_progress"}


def test_a_rejected_job_fails() -> None:
    bench = Bench(DEPLOY)
    bench.rules["production"] = protection.Rules(reviewers=("alice",))
    bench.engine.review(bench.push(), ["production"], "rejected", "not today", "alice")
    bench.tick()
    assert bench.run().conclusion == "failure"
    assert "production was rejected by alice" in bench.job("ship").annotations[0].message


def test_a_branch_that_may_not_deploy_fails_at_once() -> None:
    bench = Bench(DEPLOY)
    bench.rules["production"] = protection.Rules(branches=("release/*",))
    bench.push()
    assert 'Branch "main" is not allowed to deploy' in bench.job("ship").annotations[0].message


# -- attempts


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


# -- concurrency


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


# -- after a crash


def test_after_a_restart_what_was_in_progress_has_failed_and_the_rest_goes_on() -> None:
    bench = Bench(CHAIN)
    bench.push()
    lost = bench.job("build").id
    bench.restart()
    bench.tick()
    assert bench.jobs.orphans == [lost]
    assert "lost communication" in bench.job("build").annotations[0].message
    assert bench.states()["clean"] == "in_progress", "its if says always()"
    bench.end("clean")
    bench.end("notify")
    assert bench.run().conclusion == "failure"


# -- starting


def test_a_commit_that_says_skip_ci_starts_nothing() -> None:
    assert Bench(CHAIN).happens(message="Typo\n\n[skip ci]") == []


def test_a_disabled_workflow_starts_nothing() -> None:
    bench = Bench(CHAIN)
    bench.workflows.disabled = True
    assert bench.happens() == []


def test_a_broken_file_fails_its_run_with_each_line_that_is_wrong() -> None:
    bench = Bench(
        "name: CI\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    nonsense: 1\n    steps: []\n"
    )
    (run,) = bench.happens()
    assert run.conclusion == "startup_failure"
    assert any(each.line == 6 for each in run.annotations)


def test_a_run_is_named_after_its_inputs() -> None:
    head = "run-name: To ${{ inputs.environment }}\n"
    text = workflow(job("a"), head).replace(
        "on: [push, workflow_dispatch]",
        "on:\n  workflow_dispatch:\n    inputs:\n      environment: {type: choice, options: [staging]}",
    )
    starter = Bench(text).starter
    event = Happened(
        "acme/app",
        "workflow_dispatch",
        "refs/heads/main",
        "a" * 40,
        "ada",
        {},
        only=".github/workflows/ci.yml",
    )
    assert starter.dispatched(replace(event, inputs={"environment": "staging"})).title == "To staging"
    with pytest.raises(InputError):
        starter.dispatched(replace(event, inputs={"environment": "moon"}))


# -- what a job is given


def test_only_the_secrets_that_a_job_names_are_handed_to_it() -> None:
    bench = Bench(workflow(job("a", "    env: {T: '${{ secrets.TOKEN }}'}\n")))
    bench.secrets.secrets = {"TOKEN": "t-1", "OTHER": "o-1"}
    bench.push()
    assert bench.jobs.orders[bench.job("a").id].secrets == {"TOKEN": "t-1", "GITHUB_TOKEN": "ghs_token"}


def test_what_somebody_wrote_is_never_evaluated() -> None:
    text = workflow(job("a", "    env: {TITLE: '${{ github.event.title }}'}\n"))
    bench = Bench(text)
    bench.secrets.secrets = {"TOKEN": "t-1"}
    bench.happens(payload={"title": "${{ secrets.TOKEN }}"})
    order = bench.jobs.orders[bench.job("a").id]
    assert order.secrets == {"GITHUB_TOKEN": "ghs_token"}
    assert order.workflow["jobs"]["a"]["env"]["TITLE"] != "${{ secrets.TOKEN }}"


CALLER = """\
on: push
jobs:
  ship:
    uses: ./.github/workflows/ship.yml
    with: {target: staging}
    secrets: {KEY: '${{ secrets.STAGING_KEY }}'}
  after:
    needs: ship
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ needs.ship.outputs.url }}
"""
CALLED = """\
on:
  workflow_call:
    inputs: {target: {type: string, required: true}}
    secrets: {KEY: {required: true}}
    outputs: {url: {value: '${{ jobs.deploy.outputs.url }}'}}
jobs:
  deploy:
    runs-on: ubuntu-latest
    outputs: {url: '${{ steps.d.outputs.url }}'}
    steps:
      - id: d
        run: deploy ${{ inputs.target }} ${{ secrets.KEY }}
"""


def test_a_called_workflow_has_its_inputs_and_the_secrets_it_was_handed() -> None:
    bench = Bench({".github/workflows/ci.yml": CALLER, ".github/workflows/ship.yml": CALLED})
    bench.secrets.secrets = {"STAGING_KEY": "s-1", "KEY": "wrong"}
    bench.push()
    order = bench.jobs.orders[bench.job("ship / deploy").id]
    assert order.secrets["KEY"] == "s-1"
    assert "deploy staging" in order.workflow["jobs"]["deploy"]["steps"][0]["run"]
    bench.end("ship / deploy", url="http://staging")
    after = bench.jobs.orders[bench.job("after").id]
    assert after.workflow["jobs"]["after"]["steps"][0]["run"] == "echo http://staging"


def test_variables_are_known_to_run_names_groups_and_jobs_of_their_environment() -> None:
    step_env = "    environment: staging\n    env: {V: '${{ vars.WHERE }}'}\n"
    head = "run-name: To ${{ vars.WHERE }}\nconcurrency: 'of-${{ vars.WHERE }}'\n"
    bench = Bench(workflow(job("deploy", step_env), head))
    bench.secrets.given = {None: {"WHERE": "anywhere"}, "staging": {"WHERE": "staging"}}
    bench.push()
    assert (bench.run().title, bench.run().group) == ("To anywhere", "of-anywhere")
    order = bench.jobs.orders[bench.job("deploy").id]
    assert order.workflow["jobs"]["deploy"]["env"]["V"] == "staging"


# -- a store that fails


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
