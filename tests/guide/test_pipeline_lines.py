"""The lines of the guide about the pipeline, by the real gh, against localhub holding the example."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guide.pipeline import Developer
from tests.systems.healthcare import Healthcare
from tests.waiting import until

pytestmark = [pytest.mark.guide, pytest.mark.timeout(900)]

GUIDES_OWN = """\
name: Guide
on:
  push:
  workflow_dispatch:
jobs:
  test:
    runs-on: ubuntu-latest-4-cores
    strategy:
      matrix:
        node-version: [18, 20]
        test-type: [unit, integration]
    steps:
      - uses: actions/setup-node@v4
        with: {node-version: "${{ matrix.node-version }}"}
      - run: echo "${{ matrix.test-type }} on ${{ matrix.node-version }}"
  own:
    runs-on: [self-hosted, linux, x64]
    steps:
      - run: uname -m
  main-only:
    if: github.event_name == 'push' && github.ref == 'refs/heads/main'
    runs-on: ubuntu-latest
    steps:
      - run: echo deploying
"""
FAILING = """\
name: Failing
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "Error: the build is broken"
          exit 1
"""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developer]:
    """v1.0 pushed to main: tested, built, released and rolled out to development by the pipeline alone."""
    folder = tmp_path_factory.mktemp("pipeline")
    system = Healthcare(folder / "healthcare")
    system.carelane("up", "--detach")
    try:
        tools = folder / "tools"
        tools.mkdir()
        developer = Developer(system, tools)
        hub = developer.state / "repositories" / "hospital" / "healthcare.git"
        developer.bash(
            f"git stash -q && git checkout -q -B main v1.0 && git stash pop -q && git remote add hub {hub}"
        )
        developer.bash("git push -q hub main")
        developer.tested(developer.newest())
        yield developer
    finally:
        system.down()


@pytest.fixture(scope="module")
def lines(shipped: Developer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A small repository with the guide's own matrix and labels, and a workflow that fails."""
    files = {".github/workflows/guide.yml": GUIDES_OWN, ".github/workflows/failing.yml": FAILING}
    meant = shipped.repository("hospital/lines", files, tmp_path_factory.mktemp("lines") / "clone")
    until(lambda: len(shipped.runs(meant)) == len(files), 30, "both have begun")
    for run in shipped.runs(meant):
        shipped.finished(run["id"], "success" if run["name"] == "Guide" else "failure", meant)
    return meant


def _first(shipped: Developer) -> int:
    return min(int(run["id"]) for run in shipped.runs())


def test_line_1_the_latest_runs(shipped: Developer) -> None:
    said = shipped.bash("gh run list --limit 20")
    assert "CI/CD Pipeline for development (main)" in said
    assert said.startswith("completed\tsuccess\t")


def test_line_2_runs_of_one_workflow(shipped: Developer) -> None:
    assert "CI/CD Pipeline" in shipped.bash("gh run list --workflow=ci-cd-pipeline.yml")


def test_line_3_one_run(shipped: Developer) -> None:
    said = shipped.bash(f"gh run view {_first(shipped)}")
    for job in (
        "Lint",
        "Test (3.11, unit)",
        "Test (3.11, integration)",
        "Test (3.11, system)",
        "Build",
        "Deploy to development",
    ):
        assert f"✓ {job}" in said


def test_line_4_its_log(shipped: Developer) -> None:
    said = shipped.bash(f"gh run view {_first(shipped)} --log")
    assert re.search(
        r"^Test \(3\.11, unit\)\tRun the tests\t\d{4}-\d\d-\d\dT\S+Z .*passed", said, re.MULTILINE
    )


def test_line_5_download_brings_the_artifacts(shipped: Developer) -> None:
    shipped.bash(f"rm -rf results && mkdir results && cd results && gh run download {_first(shipped)}")
    found = shipped.bash("cd results && find . -type f | sort; cd .. && rm -rf results").split()
    assert found == [f"./test-results-3.11-{kind}/{kind}.xml" for kind in ("integration", "system", "unit")]


def test_line_6_watch_ends_as_the_run_does(shipped: Developer, lines: dict[str, str]) -> None:
    shipped.bash(f"gh run watch {_first(shipped)} --exit-status")
    failed = next(run["id"] for run in shipped.runs(lines) if run["name"] == "Failing")
    shipped.bash(f"gh run watch {failed} --exit-status", code=1, more=lines)


def test_line_7_the_log_of_one_job(shipped: Developer) -> None:
    run = _first(shipped)
    job = next(job for job in shipped.api(f"actions/runs/{run}/jobs")["jobs"] if job["name"] == "Build")
    said = shipped.bash(f"gh run view {run} --job={job['id']} --log")
    assert "Make the release" in said
    assert "Lint" not in said


def test_line_8_facts_of_the_latest_runs(shipped: Developer) -> None:
    line = (
        "gh api repos/:owner/:repo/actions/runs --jq "
        "'.workflow_runs[0:5] | .[] | {id, status, conclusion, event, head_branch}'"
    )
    rows = [json.loads(row) for row in shipped.bash(line).splitlines()]
    assert rows[-1] == {
        "id": _first(shipped),
        "status": "completed",
        "conclusion": "success",
        "event": "push",
        "head_branch": "main",
    }


def test_line_9_how_runs_ended(shipped: Developer, lines: dict[str, str]) -> None:
    line = (
        "gh api repos/:owner/:repo/actions/runs --jq '.workflow_runs[0:30] | group_by(.conclusion) "
        "| map({conclusion: .[0].conclusion, count: length}) | sort_by(.count) | reverse'"
    )
    counts = {row["conclusion"]: row["count"] for row in json.loads(shipped.bash(line, more=lines))}
    assert counts == {"success": 1, "failure": 1}


def test_line_10_average_build_time(shipped: Developer) -> None:
    line = (
        "gh api repos/:owner/:repo/actions/runs --jq '[.workflow_runs[0:10] | .[] "
        "| ((.updated_at | fromdate) - (.created_at | fromdate))] | add / length'"
    )
    assert float(shipped.bash(line)) > 0


def test_line_11_deployments_a_day(shipped: Developer) -> None:
    line = (
        'gh api repos/:owner/:repo/actions/runs --jq \'.workflow_runs[] | select(.conclusion == "success" '
        'and .name == "CI/CD Pipeline") | .created_at[0:10]\' | sort | uniq -c'
    )
    assert re.match(r"\s*[1-9]\d* \d{4}-\d\d-\d\d", shipped.bash(line))


def test_line_12_a_push_to_main_reaches_development(shipped: Developer) -> None:
    url = shipped.system.url("development")
    assert json.loads(shipped.bash(f"curl -s {url}/api/version"))["version"] == "v1.0"
    release = shipped.system.carelane("release", "show", "v1.0", "--output", "json").json()
    assert release["built_by"]["run_id"] == _first(shipped)
    newest = shipped.system.carelane("deployments", "list", "--output", "json").json()[0]
    assert (newest["environment"], newest["author"]) == ("development", "token pipeline")


def test_line_21_a_release_is_deployed_to_staging(shipped: Developer) -> None:
    before = shipped.newest()
    sha = shipped.bash("git rev-parse HEAD").strip()[:8]
    shipped.bash(f"gh workflow run deploy.yml -f environment=staging -f commit_sha={sha}")
    shipped.finished(shipped.newest(before))
    said = shipped.bash(f"curl -s {shipped.system.url('staging')}/api/version")
    assert json.loads(said)["version"] == "v1.0"


def test_line_21_an_unknown_commit_moves_nothing(shipped: Developer) -> None:
    before = shipped.newest()
    deployments = shipped.system.carelane("deployments", "list", "--output", "json").json()
    shipped.bash("gh workflow run deploy.yml -f environment=staging -f commit_sha=abc123")
    run = shipped.newest(before)
    shipped.finished(run, "failure")
    assert "no release was built of commit abc123" in shipped.bash(f"gh run view {run}")
    assert shipped.system.carelane("deployments", "list", "--output", "json").json() == deployments


def test_line_20_22_a_run_for_staging_says_so(shipped: Developer) -> None:
    before = shipped.newest()
    shipped.bash("gh workflow run ci-cd-pipeline.yml -f environment=staging")
    run = shipped.newest(before)
    assert "staging" in shipped.bash("gh run list --workflow=ci-cd-pipeline.yml | grep staging")
    shipped.tested(run)


def test_line_22_runs_are_found_by_environment(shipped: Developer) -> None:
    assert "CI/CD Pipeline for staging" in shipped.bash(
        "gh run list --workflow=ci-cd-pipeline.yml | grep staging"
    )


def test_line_24_end_to_end_tests_of_staging(shipped: Developer) -> None:
    said = shipped.bash("npm run test:e2e -- --env staging", "src-code")
    assert "# fail 0" in said or "fail 0" in said
    shipped.bash("npm run test:e2e -- --env nowhere", "src-code", code=2)


def test_line_28_a_pull_request(shipped: Developer) -> None:
    shipped.bash(
        "git switch -q -c to-production && git commit -q --allow-empty -m 'Ready' && git push -q hub HEAD"
    )
    title, body = "Deploy to Production", "Staging verified, ready for production"
    said = shipped.bash(f'gh pr create --title "{title}" --body "{body}" --head to-production --base main')
    assert re.search(r"/pull/\d+$", said.strip())
    assert title in shipped.bash("gh pr list")
    for run in shipped.runs():
        if run["status"] != "completed":
            shipped.bash(f"gh run cancel {run['id']}")
            shipped.finished(run["id"], "cancelled")
    shipped.bash("git switch -q main")


def test_line_29_30_production_waits_for_approval(shipped: Developer) -> None:
    """Line 30 as it is written, and the approval that line 29 speaks of."""
    reviewer = json.loads(shipped.bash("gh api user"))["login"]
    reviewers = json.dumps({"reviewers": [{"type": "User", "login": reviewer}]})
    shipped.bash(f"gh api -X PUT repos/:owner/:repo/environments/production --input - <<<'{reviewers}'")
    before = shipped.newest()
    shipped.bash("gh workflow run deploy.yml -f environment=production -f commit_sha=$(git rev-parse HEAD)")
    run = shipped.newest(before)
    path = f"actions/runs/{run}"
    until(lambda: shipped.api(path)["status"] == "waiting", 60, "it waits for approval")
    waiting = shipped.api(f"{path}/pending_deployments")[0]["environment"]["id"]
    answer = json.dumps({"environment_ids": [waiting], "state": "approved", "comment": "verified"})
    shipped.bash(f"gh api -X POST repos/:owner/:repo/{path}/pending_deployments --input - <<<'{answer}'")
    shipped.finished(run)
    said = shipped.bash(f"curl -s {shipped.system.url('production')}/api/version")
    assert json.loads(said)["version"] == "v1.0"
    assert shipped.api(f"{path}/approvals")[0]["user"]["login"] == reviewer


def test_line_29_approval_is_configured(shipped: Developer) -> None:
    rules = shipped.api("environments/production")["protection_rules"]
    assert [rule["type"] for rule in rules] == ["required_reviewers"]


def test_line_30_production_has_it(shipped: Developer) -> None:
    history = shipped.system.carelane("history", "production", "--output", "json").json()
    assert history[0]["release"] == "v1.0"


def test_line_20_a_dispatched_run_ended_well(shipped: Developer) -> None:
    ended = [run["conclusion"] for run in shipped.runs() if "staging" in run["display_title"]]
    assert "success" in ended


def test_line_55_the_second_run_uses_its_caches_and_says_so(shipped: Developer) -> None:
    runs = [
        run for run in shipped.runs() if run["name"] == "CI/CD Pipeline" and run["conclusion"] == "success"
    ]
    said = shipped.bash(f"gh run view {runs[0]['id']} --log")
    assert "Cache found from key: environment-Linux-" in said, "the first run found none"
    assert "Cache restored from key: environment-Linux-" in said


def test_line_56_a_matrix_of_two_by_two(shipped: Developer, lines: dict[str, str]) -> None:
    run = next(run for run in shipped.runs(lines) if run["name"] == "Guide")
    names = {job["name"] for job in shipped.api(f"actions/runs/{run['id']}/jobs", lines)["jobs"]}
    assert {f"test ({node}, {kind})" for node in (18, 20) for kind in ("unit", "integration")} <= names


def _jobs(shipped: Developer, lines: dict[str, str]) -> dict[str, dict[str, object]]:
    run = next(run for run in shipped.runs(lines) if run["name"] == "Guide")
    return {job["name"]: job for job in shipped.api(f"actions/runs/{run['id']}/jobs", lines)["jobs"]}


def test_line_57_four_cores(shipped: Developer, lines: dict[str, str]) -> None:
    job = _jobs(shipped, lines)["test (18, unit)"]
    assert (job["labels"], job["conclusion"]) == (["ubuntu-latest-4-cores"], "success")


def test_line_58_this_machine(shipped: Developer, lines: dict[str, str]) -> None:
    job = _jobs(shipped, lines)["own"]
    assert (job["labels"], job["conclusion"]) == (["self-hosted", "linux", "x64"], "success")


def test_line_59_only_on_a_push_to_main(shipped: Developer, lines: dict[str, str]) -> None:
    assert _jobs(shipped, lines)["main-only"]["conclusion"] == "success"


def test_line_60_the_longest_runs(shipped: Developer) -> None:
    line = (
        "gh api repos/:owner/:repo/actions/runs --jq '.workflow_runs[0:20] | map({id, duration: "
        "((.updated_at | fromdate) - (.created_at | fromdate))}) | sort_by(.duration) | reverse'"
    )
    durations = [row["duration"] for row in json.loads(shipped.bash(line))]
    assert durations == sorted(durations, reverse=True)
    assert durations


def test_line_61_the_duration_is_null_and_the_right_form_is_not(shipped: Developer) -> None:
    run = _first(shipped)
    line = f"gh run view {run} --json jobs --jq '.jobs[] | {{name: .name, duration: .conclusion_time}}'"
    assert all(json.loads(row)["duration"] is None for row in shipped.bash(line).splitlines())
    right = (
        f"gh run view {run} --json jobs --jq "
        "'.jobs[] | {name, seconds: ((.completedAt | fromdate) - (.startedAt | fromdate))}'"
    )
    assert all(json.loads(row)["seconds"] >= 0 for row in shipped.bash(right).splitlines())


def test_line_62_minutes_used(shipped: Developer) -> None:
    assert json.loads(shipped.bash("gh api user/settings/billing/actions"))["total_minutes_used"] >= 5


def test_line_63_runners(shipped: Developer) -> None:
    runners = json.loads(shipped.bash("gh api repos/:owner/:repo/actions/runners"))
    labels = {label["name"] for label in runners["runners"][0]["labels"]}
    assert {"self-hosted", "linux", "x64"} <= labels


def test_line_64_the_share_of_successes(shipped: Developer, lines: dict[str, str]) -> None:
    """As the guide has it, it is always 100; the right form is in docs/localhub.md."""
    page = Path("docs/localhub.md").read_text(encoding="utf-8")
    assert "'repos/:owner/:repo/actions/runs?per_page=100'" in page
    guides = (
        "gh api 'repos/:owner/:repo/actions/runs?per_page=100' --jq '[.workflow_runs[] "
        '| select(.conclusion == "success")] | (length - (map(select(.conclusion == "failure")) | length)) '
        "* 100 / length'"
    )
    right = (
        "gh api 'repos/:owner/:repo/actions/runs?per_page=100' --jq '[.workflow_runs[] "
        '| select(.conclusion)] | (map(select(.conclusion == "success")) | length) * 100 / length\''
    )
    assert float(shipped.bash(guides, more=lines)) == 100
    assert float(shipped.bash(right, more=lines)) == 50


def test_line_65_failed_runs(shipped: Developer, lines: dict[str, str]) -> None:
    said = shipped.bash("gh run list --status=failure --limit=5", more=lines)
    assert "Failing" in said
    assert "Guide" not in said


def test_line_66_why_it_failed(shipped: Developer, lines: dict[str, str]) -> None:
    failed = next(run["id"] for run in shipped.runs(lines) if run["name"] == "Failing")
    assert "the build is broken" in shipped.bash(f"gh run view {failed} --log | grep -i error", more=lines)


def test_line_67_a_run_again(shipped: Developer, lines: dict[str, str]) -> None:
    failed = next(run["id"] for run in shipped.runs(lines) if run["name"] == "Failing")
    shipped.bash(f"gh run rerun {failed}", more=lines)
    until(lambda: shipped.api(f"actions/runs/{failed}", lines)["run_attempt"] == 2, 15, "a second attempt")
    shipped.finished(failed, "failure", lines)


def test_line_68_one_job_again(shipped: Developer, lines: dict[str, str]) -> None:
    guide = next(run["id"] for run in shipped.runs(lines) if run["name"] == "Guide")
    job = _jobs(shipped, lines)["own"]["id"]
    shipped.bash(f"gh run rerun {guide} --job={job}", more=lines)
    until(lambda: shipped.api(f"actions/runs/{guide}", lines)["run_attempt"] == 2, 15, "a second attempt")
    shipped.finished(guide, more=lines)
