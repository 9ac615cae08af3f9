"""What a job may do with the token it is given: in its own repository, and nothing that protects it."""

import json
import shlex

from tests.localhub_pulls import require
from tests.localhub_server import WORKFLOWS, Clone
from tests.localhub_workflows import PIPELINE, ended


def job(app: Clone, *steps: str, permissions: str = "write-all") -> dict[str, str]:
    """A workflow whose steps have the job's token, and the address of the server."""
    lines = ["on: push", f"permissions: {permissions}", "jobs:", "  job:", "    runs-on: ubuntu-latest"]
    lines += [
        "    env:",
        "      TOKEN: ${{ github.token }}",
        "    steps:",
    ]
    return {PIPELINE: "\n".join([*lines, *(f"      - run: {json.dumps(step)}" for step in steps)]) + "\n"}


BEARER = '-H "Authorization: Bearer $TOKEN"'
JSON = "-H 'Content-Type: application/json'"


def told(app: Clone, run_id: str) -> list[str]:
    """What the steps say of the server's answers."""
    log = app.gh("run", "view", run_id, "--log").out
    said = [line.rpartition(" ")[2] for line in log.splitlines() if line[-4:-3] == "="]
    return [each for each in said if each[-3:].isdigit()]


def asks(name: str, path: str, *more: str) -> str:
    """A step that says what the server answers."""
    return f'curl -s -o /dev/null -w "{name}=%{{http_code}}\\n" {BEARER} {" ".join(more)} $LOCALHUB_URL{path}'


def test_a_jobs_token_is_good_for_its_own_repository_and_changes_no_protection(app: Clone) -> None:
    other = app.server.repository(f"{app.name}-other")
    other.push({"a.txt": "secret"})
    require(other, "test")
    query = f'{{"query": "{{ repository(owner: \\"acme\\", name: \\"{other.name[5:]}\\") {{ id }} }}"}}'
    branch, environment = (
        f"/repos/{app.name}/branches/main/protection",
        f"/repos/{app.name}/environments/production",
    )
    run_id = ended(
        app,
        job(
            app,
            asks("own", f"/repos/{app.name}"),
            asks("other", f"/repos/{other.name}"),
            asks("fetch", f"/{other.name}.git/info/refs?service=git-upload-pack"),
            asks("unprotect", branch, "-X DELETE"),
            asks("environment", environment, "-X PUT", JSON, "-d '{}'"),
            asks("create", "/user/repos", JSON, """-d '{"name": "x"}'"""),
            f"curl -s {BEARER} {JSON} -d '{query}' $LOCALHUB_URL/graphql",
        ),
    )
    assert told(app, run_id) == [
        "own=200",
        "other=404",
        "fetch=404",
        "unprotect=403",
        "environment=403",
        "create=403",
    ]
    assert "Could not resolve to a Repository" in app.gh("run", "view", run_id, "--log").out


def test_a_jobs_token_does_what_permissions_give_it_and_no_more(app: Clone) -> None:
    app.push({"a.txt": "one"})
    query = f'{{"query": "{{ repository(owner: \\"acme\\", name: \\"{app.name[5:]}\\") {{ %s }} }}"}}'
    graphql = f"curl -s $LOCALHUB_URL/graphql {BEARER} {JSON} -d"
    run_id = ended(
        app,
        job(
            app,
            asks("itself", f"/repos/{app.name}"),
            asks("runs", f"/repos/{app.name}/actions/runs"),
            asks("delete", f"/repos/{app.name}/actions/runs/1", "-X DELETE"),
            asks("read", f"/repos/{app.name}/contents/a.txt"),
            asks("fetch", f"/{app.name}.git/info/refs?service=git-upload-pack"),
            asks("push", f"/{app.name}.git/info/refs?service=git-receive-pack"),
            asks("dispatch", f"/repos/{app.name}/dispatches", JSON, """-d '{"event_type": "x"}'"""),
            asks("pulls", f"/repos/{app.name}/pulls"),
            f"{graphql} '{query % 'pullRequests(first: 1) { nodes { id } }'}'",
            f"{graphql} '{query % 'nameWithOwner'}'",
            permissions="{actions: read, contents: read}",
        ),
    )
    assert told(app, run_id) == [
        "itself=200",
        "runs=200",
        "delete=403",
        "read=200",
        "fetch=200",
        "push=403",
        "dispatch=403",
        "pulls=403",
    ]
    log = app.gh("run", "view", run_id, "--log").out
    assert "Resource not accessible by integration (permissions: {pull-requests: read}" in log
    assert f'"nameWithOwner":"{app.name}"' in log


def test_what_a_job_pushes_starts_no_run(app: Clone) -> None:
    loop = "on: push\njobs: {x: {runs-on: ubuntu-latest, steps: [{run: echo}]}}\n"
    script = [
        *("set -e", "git init -q .", f"mkdir -p {WORKFLOWS}", f"echo {shlex.quote(loop)} >{WORKFLOWS}/x.yml"),
        *("git config user.name job", "git config user.email job@example.org", "git add -A"),
        *("git commit -q -m loop", 'git config http.extraHeader "Authorization: Bearer $TOKEN"'),
        f"git push -q $LOCALHUB_URL/{app.name}.git HEAD:refs/heads/job",
    ]
    run_id = ended(app, job(app, "\n".join(script)))
    assert app.api(f"actions/runs/{run_id}")["conclusion"] == "success"
    app.git("fetch", "--quiet", "origin", "job")
    assert app.git("show", "--name-only", "--format=", "FETCH_HEAD") == f"{WORKFLOWS}/x.yml"

    app.git("push", "--quiet", "origin", "FETCH_HEAD:refs/heads/person")
    app.run(branch="person")

    assert sorted(run["head_branch"] for run in app.runs()) == ["main", "person"]


def test_a_jobs_token_is_nobodys_once_the_job_has_ended(app: Clone) -> None:
    run_id = ended(app, job(app, asks("while", "/user"), 'echo "told $(echo $TOKEN | rev)"'))
    log = app.gh("run", "view", run_id, "--log").out
    assert "while=200" in log
    token = next(line.split()[-1] for line in log.splitlines() if " told " in line)
    said = app.gh("api", "user", "--header", f"Authorization: Bearer {token[::-1]}", code=1)
    assert "Bad credentials" in said.out + said.err
