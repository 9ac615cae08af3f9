"""The REST API as far as gh does not ask for it by itself: every kind of thing, once."""

import base64

import pytest

from tests.localhub_server import Clone
from tests.localhub_workflows import PIPELINE
from tests.waiting import until

WORKFLOW = """\
on: push
jobs:
  job:
    runs-on: ubuntu-latest
    environment: dev
    steps:
      - run: mkdir made && echo one >made/x
      - uses: actions/upload-artifact@v4
        with: {name: dist, path: made}
"""


def test_a_repository_its_branches_commits_and_files(app: Clone) -> None:
    sha = app.push({"a.txt": "one\n", "README.md": "# Hello\n"})
    assert app.api("")["full_name"] == app.name
    assert [each["name"] for each in app.api("branches")] == ["main"]
    assert app.api("branches/main")["commit"]["sha"] == sha
    assert app.api(f"commits/{sha[:7]}")["sha"] == sha
    assert app.api("git/ref/heads/main")["object"]["sha"] == sha
    assert base64.b64decode(app.api("contents/a.txt")["content"]) == b"one\n"
    assert app.api("readme")["path"] == "README.md"


def test_a_run_its_attempts_jobs_logs_artifacts_checks_and_deployments(app: Clone) -> None:
    sha = app.push({PIPELINE: WORKFLOW})
    run = app.ended(app.run(head_sha=sha))["id"]
    place = f"actions/runs/{run}"
    assert app.api(f"{place}/attempts/1")["run_attempt"] == 1
    (job,) = app.api(f"{place}/attempts/1/jobs")["jobs"]
    assert app.api(f"actions/jobs/{job['id']}")["conclusion"] == "success"
    assert app.api(f"{place}/timing")["run_duration_ms"] > 0
    for log in ("logs", "steps/1/logs", "logs/stream"):
        assert app.gh("api", f"repos/{app.name}/actions/jobs/{job['id']}/{log}").out

    (artifact,) = app.api(f"{place}/artifacts")["artifacts"]
    assert app.api(f"actions/artifacts/{artifact['id']}")["name"] == "dist"
    assert app.api("actions/artifacts")["total_count"] == 1
    assert app.api("actions/cache/usage")["active_caches_count"] == 0

    assert app.api(f"check-runs/{job['id']}")["name"] == "job"
    assert app.api(f"commits/{sha}/check-runs")["total_count"] == 1
    assert app.api(f"commits/{sha}/status")["sha"] == sha

    assert [each["name"] for each in app.api("environments")["environments"]] == ["dev"]
    assert app.api("environments/dev")["name"] == "dev"
    (deployment,) = app.api("deployments")
    assert (deployment["environment"], deployment["sha"]) == ("dev", sha)
    assert app.api(f"deployments/{deployment['id']}/statuses")[0]["state"] == "success"


def test_gh_follows_a_list_to_its_end(app: Clone) -> None:
    app.push({"a.txt": "one"})
    for name in ("b", "c"):
        app.git("push", "--quiet", "origin", f"HEAD:{name}")
    path = f"repos/{app.name}/branches?per_page=1"
    assert app.gh("api", path, "--jq", ".[].name").out.split() == ["b"]
    assert app.gh("api", "--paginate", path, "--jq", ".[].name").out.split() == ["b", "c", "main"]
    links = app.gh("api", "--include", f"{path}&page=2").out
    assert [rel for rel in ("first", "prev", "next", "last") if f'rel="{rel}"' in links] == [
        *("first", "prev", "next", "last")
    ]
    assert 'rel="next"' not in app.gh("api", "--include", f"{path}&page=3").out


def test_gh_follows_runs_to_their_end(app: Clone) -> None:
    app.push({PIPELINE: "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}\n"})
    for _ in range(3):
        app.gh("workflow", "run", PIPELINE.rpartition("/")[2])
    until(lambda: len(app.runs()) == 3, 15, "three runs")
    path = f"repos/{app.name}/actions/runs?per_page=2"
    numbers = app.gh("api", "--paginate", path, "--jq", ".workflow_runs[].run_number").out.split()
    assert numbers == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("user", "login"),
        ("users/ada", "login"),
        ("meta", "installed_version"),
        ("rate_limit", "resources"),
        ("user/settings/billing/actions", "total_minutes_used"),
    ],
)
def test_who_asks_and_of_whom(app: Clone, path: str, key: str) -> None:
    for prefix in ("", "api/v3/"):
        assert key in app.gh("api", f"{prefix}{path}").json()


def test_this_machine_is_the_runner(app: Clone) -> None:
    (runner,) = app.api("actions/runners")["runners"]
    assert app.api(f"actions/runners/{runner['id']}")["name"] == runner["name"]


def test_what_is_not_there_says_so(app: Clone) -> None:
    refused = app.gh("api", f"repos/{app.name}/hooks", code=1)
    assert "localhub does not answer GET" in refused.out + refused.err
