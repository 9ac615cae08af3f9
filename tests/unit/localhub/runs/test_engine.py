"""Runs, moved by the engine: needs, ifs, matrices, failures, cancelling, attempts, environments, restarts."""

from dataclasses import replace

import pytest

from localhub.base.errors import ConflictError, InputError, RefusedError
from localhub.runs import protection
from localhub.runs.records import Status
from localhub.runs.starting import Happened
from tests.fakes.localhub import CHAIN, MATRIX, Bench, job, workflow


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


@pytest.mark.parametrize(
    ("ref", "pattern", "deploys"),
    [
        ("refs/heads/main", "main", True),
        ("refs/tags/main", "main", False),
        ("refs/tags/main", "*", False),
        ("refs/tags/v1", "refs/tags/v*", True),
        ("refs/pull/3/merge", "*/merge", False),
        ("refs/heads/release/1", "release/*", True),
    ],
)
def test_a_rule_of_branches_is_of_branches(ref: str, pattern: str, deploys: bool) -> None:
    """Whoever may push a tag could name it as the branch that deploys."""
    bench = Bench(workflow(job("ship", "    environment: production\n")))
    bench.rules["production"] = protection.Rules(branches=(pattern,))
    bench.happens("workflow_dispatch", ref=ref)
    assert (bench.states()["ship"] == "in_progress") is deploys


def test_a_branch_that_may_not_deploy_fails_at_once() -> None:
    bench = Bench(DEPLOY)
    bench.rules["production"] = protection.Rules(branches=("release/*",))
    bench.push()
    assert 'Branch "main" is not allowed to deploy' in bench.job("ship").annotations[0].message


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
    bench.secrets.keep("acme/app", "TOKEN", "t-1")
    bench.secrets.keep("acme/app", "OTHER", "o-1")
    bench.push()
    assert bench.jobs.orders[bench.job("a").id].secrets == {"TOKEN": "t-1", "GITHUB_TOKEN": "ghs_token"}


def test_what_somebody_wrote_is_never_evaluated() -> None:
    text = workflow(job("a", "    env: {TITLE: '${{ github.event.title }}'}\n"))
    bench = Bench(text)
    bench.secrets.keep("acme/app", "TOKEN", "t-1")
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
    bench.secrets.keep("acme/app", "STAGING_KEY", "s-1")
    bench.secrets.keep("acme/app", "KEY", "wrong")
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
    bench.secrets.keep("acme/app", "WHERE", "anywhere", kind="variables")
    bench.secrets.keep("acme/app", "WHERE", "staging", environment="staging", kind="variables")
    bench.push()
    assert (bench.run().title, bench.run().group) == ("To anywhere", "of-anywhere")
    order = bench.jobs.orders[bench.job("deploy").id]
    assert order.workflow["jobs"]["deploy"]["env"]["V"] == "staging"
