"""Workflow files in the manner of large public projects end as GitHub's documentation says they do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.localhub_server import WORKFLOWS, Clone, LocalhubServer, running

DATA = Path("tests/data")
FILES = DATA / "workflows"
OUTCOMES: dict[str, Any] = yaml.safe_load((DATA / "localhub" / "outcomes.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalhubServer]:
    with running(tmp_path_factory.mktemp("ten"), slots=3) as started:
        yield started


def files(name: str) -> dict[str, str]:
    """A workflow with what it calls."""
    found = {f"{WORKFLOWS}/{name}": (FILES / name).read_text(encoding="utf-8")}
    found[f"{WORKFLOWS}/reusable-build.yml"] = (FILES / "reusable-build.yml").read_text(encoding="utf-8")
    action = FILES / "actions" / "report" / "action.yml"
    found[".github/actions/report/action.yml"] = action.read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("name", OUTCOMES)
def test_it_ends_as_github_says(server: LocalhubServer, name: str) -> None:
    outcome = OUTCOMES[name]
    app: Clone = server.repository(f"acme/{name.removesuffix('.yml')}")
    for secret, value in outcome.get("secrets", {}).items():
        server.localhub("secret", "set", "--repo", app.name, secret, stdin=value)
    sha = app.push({**files(name), **dict.fromkeys(outcome.get("changes", ()), "a change\n")})
    if outcome.get("event") == "workflow_dispatch":
        given = [
            word for key, value in outcome.get("inputs", {}).items() for word in ("-f", f"{key}={value}")
        ]
        app.gh("workflow", "run", name, *given)
        run = app.run(event="workflow_dispatch")
    else:
        run = app.run(head_sha=sha)
    ended = app.ended(run, seconds=100)
    jobs = {job["name"]: job for job in app.api(f"actions/runs/{run}/jobs?per_page=100")["jobs"]}
    found = {name: job["conclusion"] for name, job in jobs.items()}
    why = app.gh("run", "view", str(run), "--log-failed", code=None).out
    assert (ended["conclusion"], found) == (outcome["conclusion"], outcome["jobs"]), why
    for job, lines in outcome.get("says", {}).items():
        log = app.gh("api", f"repos/{app.name}/actions/jobs/{jobs[job]['id']}/logs").out
        said = [line.partition(" ")[2] for line in log.splitlines()]
        wanted = [line.format(sha=sha, run_number=ended["run_number"]) for line in lines]
        assert [line for line in wanted if line not in said] == [], log
