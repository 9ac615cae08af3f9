"""gh workflow, gh cache, gh auth and gh api, and an environment that waits for approval."""

import json

from tests.localhub_server import WORKFLOWS, Clone
from tests.localhub_workflows import PIPELINE, ended, pipeline
from tests.waiting import until

DEPLOY = """\
name: Deploy
run-name: Deploy ${{ inputs.commit }} to ${{ inputs.environment }}
on:
  workflow_dispatch:
    inputs:
      environment: {type: choice, options: [staging, production], required: true}
      commit: {type: string, default: newest}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: echo deploying ${{ inputs.commit }} to $TARGET
        env: {TARGET: "${{ inputs.environment }}"}
"""


def test_gh_workflow_run_dispatches_with_inputs_and_refuses_wrong_ones(app: Clone) -> None:
    app.push({f"{WORKFLOWS}/deploy.yml": DEPLOY})

    said = app.gh("workflow", "run", "deploy.yml", "-f", "environment=staging", "-f", "commit=abc123")

    run_id = app.run(event="workflow_dispatch")
    assert f"/actions/runs/{run_id}" in said.out + said.err
    assert app.ended(run_id)["display_title"] == "Deploy abc123 to staging"
    assert "deploying abc123 to staging" in app.gh("run", "view", str(run_id), "--log").out
    assert "Deploy abc123 to staging" in app.gh("run", "list", "--workflow", "deploy.yml").out

    wrong = app.gh("workflow", "run", "deploy.yml", "-f", "environment=mars", code=1)
    assert "environment" in wrong.err
    missing = app.gh("workflow", "run", "deploy.yml", code=1)
    assert "environment" in missing.err
    unknown = app.gh("workflow", "run", "deploy.yml", "-f", "environment=staging", "-f", "colour=red", code=1)
    assert "colour" in unknown.err
    nowhere = app.gh("workflow", "run", "deploy.yml", "--ref", "nowhere", "-f", "environment=staging", code=1)
    assert "No ref found for: nowhere" in nowhere.err
    assert len(app.runs()) == 1


def test_gh_workflow_run_takes_inputs_as_json_and_a_ref(app: Clone) -> None:
    app.push({f"{WORKFLOWS}/deploy.yml": DEPLOY})
    app.git("checkout", "--quiet", "-b", "side")
    app.push()
    given = json.dumps({"environment": "production"})
    app.gh("workflow", "run", "Deploy", "--ref", "side", "--json", stdin=given)
    found = app.ended(app.run(event="workflow_dispatch"))
    assert (found["display_title"], found["head_branch"]) == ("Deploy newest to production", "side")


def test_a_workflow_without_dispatch_is_not_run_by_hand(app: Clone) -> None:
    ended(app, pipeline("echo built"))
    said = app.gh("workflow", "run", "pipeline.yml", code=1)
    assert "Workflow does not have 'workflow_dispatch' trigger" in said.err


def test_gh_workflow_lists_shows_disables_and_enables(app: Clone) -> None:
    run_id = ended(app, {**pipeline("echo built"), f"{WORKFLOWS}/deploy.yml": DEPLOY})

    rows = [line.split("\t") for line in app.gh("workflow", "list").out.splitlines()]
    assert sorted((row[0], row[1]) for row in rows) == [("CI/CD Pipeline", "active"), ("Deploy", "active")]
    shown = app.gh("workflow", "view", "pipeline.yml").out
    assert "CI/CD Pipeline - pipeline.yml" in shown
    assert run_id in shown
    assert app.gh("workflow", "view", "deploy.yml", "--yaml").out.strip().endswith(DEPLOY.strip())

    app.gh("workflow", "disable", "pipeline.yml")
    assert "CI/CD Pipeline" not in app.gh("workflow", "list").out
    assert "CI/CD Pipeline\tdisabled_manually" in app.gh("workflow", "list", "--all").out
    last = pipeline("echo also")[PIPELINE].replace("CI/CD Pipeline", "Last")
    quiet = app.push({f"{WORKFLOWS}/zz-last.yml": last}, "only the last one runs")
    app.run(head_sha=quiet)
    app.gh("workflow", "enable", "pipeline.yml")
    loud = app.push({"a.txt": "2"}, "both run")
    until(lambda: len(app.runs(head_sha=loud)) == 2, 15, "both run")
    assert [run["name"] for run in app.runs(head_sha=quiet)] == ["Last"]


# -- gh cache, auth, api


def test_gh_cache_lists_and_deletes(app: Clone) -> None:
    text = """\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/cache@v4
        id: deps
        with: {path: deps, key: deps-1}
      - run: mkdir -p deps && echo "hit=${{ steps.deps.outputs.cache-hit }}" && date >deps/when
"""
    first = ended(app, {PIPELINE: text})
    row = app.gh("cache", "list").out.splitlines()[0].split("\t")
    assert row[1] == "deps-1"
    facts = app.gh("cache", "list", "--json", "key,ref,sizeInBytes").json()
    assert (facts[0]["key"], facts[0]["ref"]) == ("deps-1", "refs/heads/main")
    assert facts[0]["sizeInBytes"] > 0
    second = ended(app, {"a.txt": "1"})
    assert "hit=true" in app.gh("run", "view", second, "--log").out
    assert "hit=true" not in app.gh("run", "view", first, "--log").out

    app.gh("cache", "delete", "deps-1")

    assert app.gh("cache", "list").out == ""
    assert "Could not find a cache matching" in app.gh("cache", "delete", "deps-1", code=1).err
    ended(app, {"a.txt": "2"})
    app.gh("cache", "delete", "--all")
    assert app.gh("cache", "list").out == ""


def test_gh_auth_status_says_who_is_signed_in(app: Clone) -> None:
    said = app.gh("auth", "status")
    assert "Logged in to github.localhost account" in said.out + said.err
    alice = app.gh("auth", "status", login="alice")
    assert "account alice" in alice.out + alice.err
    app.gh("api", "user", "--jq", ".login", login="alice")


def test_a_wrong_token_is_refused(app: Clone) -> None:
    said = app.gh("api", "user", "--header", "Authorization: Bearer nonsense", code=1)
    assert "Bad credentials (HTTP 401)" in said.err or "Bad credentials" in said.out


TIME = 'strptime("%Y-%m-%dT%H:%M:%SZ")'
SECONDS = f"(.updated_at | {TIME} | mktime) - (.created_at | {TIME} | mktime)"


def test_gh_api_with_the_guides_filters(app: Clone) -> None:
    good = ended(app, pipeline("echo built"))
    bad = ended(app, pipeline("exit 1"))

    def runs(jq: str) -> str:
        return app.gh("api", "repos/:owner/:repo/actions/runs", "--jq", jq).out

    rows = runs(
        ".workflow_runs[0:5] | .[] | {id, status, conclusion, event, head_branch}"
    ).splitlines()  # line 8
    newest = json.loads(rows[0])
    assert (newest.pop("id"), newest.pop("event")) == (int(bad), "push")
    assert newest == {"status": "completed", "conclusion": "failure", "head_branch": "main"}
    rates = runs(  # line 9
        ".workflow_runs[0:30] | group_by(.conclusion) | map({conclusion: .[0].conclusion, count: length})"
        " | sort_by(.count) | reverse"
    )
    assert sorted((each["conclusion"], each["count"]) for each in json.loads(rates)) == [
        ("failure", 1),
        ("success", 1),
    ]
    assert float(runs(f".workflow_runs[0:10] | map({SECONDS}) | add / length")) >= 0  # line 10
    days = runs(  # line 11
        '.workflow_runs[] | select(.conclusion == "success" and .name == "CI/CD Pipeline") | .created_at'
        f' | {TIME} | strftime("%Y-%m-%d")'
    )
    assert len(days.split()) == 1
    slow = runs(  # line 60
        f".workflow_runs[0:20] | map({{id: .id, duration: ({SECONDS}), conclusion: .conclusion}})"
        " | sort_by(.duration)"
    )
    assert sorted(each["id"] for each in json.loads(slow)) == [int(good), int(bad)]
    duration = ("--json", "jobs", "--jq", ".jobs[] | {name: .name, duration: .conclusion_time}")
    assert '{"duration":null,"name":"build"}' in app.gh("run", "view", good, *duration).out  # line 61
    assert app.gh("api", "user/settings/billing/actions").json()["total_minutes_used"] >= 2  # line 62
    runner = app.api("actions/runners")["runners"][0]  # line 63
    assert {"self-hosted", "linux", "x64"} <= {label["name"] for label in runner["labels"]}
    rate = runs(  # line 64, as the guide has it: failures among the successes
        '.workflow_runs[0:100] | map(select(.conclusion == "success")) | length as $successful'
        ' | map(select(.conclusion == "failure")) | length as $failed'
        " | {success_rate: ($successful / ($successful + $failed) * 100)}"
    )
    assert json.loads(rate) == {"success_rate": 100}


def test_an_environment_waits_until_somebody_approves_it(app: Clone) -> None:
    rules = {"reviewers": [{"type": "User", "login": "alice"}]}
    app.api("environments/production", "--method", "PUT", "--input", "-", stdin=json.dumps(rules))
    text = pipeline("echo shipped")[PIPELINE].replace("  build:\n", "  build:\n    environment: production\n")
    app.push({PIPELINE: text})
    run_id = app.run()
    app.reached(run_id, "waiting")
    assert app.gh("run", "list", "--status", "waiting", "--json", "databaseId").json() == [
        {"databaseId": run_id}
    ]
    pending = app.api(f"actions/runs/{run_id}/pending_deployments")
    assert [each["environment"]["name"] for each in pending] == ["production"]

    number = pending[0]["environment"]["id"]
    review = ("-F", f"environment_ids[]={number}", "-f", "state=approved", "-f", "comment=go")
    path = f"repos/{app.name}/actions/runs/{run_id}/pending_deployments"
    refused = app.gh("api", "--method", "POST", path, *review, login="bob", code=1)
    assert "bob is not a reviewer" in refused.out
    app.gh("api", "--method", "POST", path, *review, login="alice")

    assert app.ended(run_id)["conclusion"] == "success"
    said = app.api(f"actions/runs/{run_id}/approvals")
    assert [(each["state"], each["user"]["login"], each["comment"]) for each in said] == [
        ("approved", "alice", "go")
    ]


def test_why_a_workflow_file_is_refused_is_told(app: Clone) -> None:
    sha = app.push({f"{WORKFLOWS}/broken.yml": "on: push\njobs:\n  a:\n    steps: [\n"})

    run_id = app.run(head_sha=sha)
    assert app.ended(run_id)["conclusion"] == "startup_failure"

    (found,) = app.api(f"actions/runs/{run_id}/annotations")
    assert (found["path"], found["annotation_level"]) == (f"{WORKFLOWS}/broken.yml", "failure")
    assert "This is no YAML" in found["message"]
