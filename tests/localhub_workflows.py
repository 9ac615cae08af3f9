"""Workflow files and runs that several end-to-end tests of localhub start from."""

import json
from collections.abc import Mapping

from tests.localhub_server import WORKFLOWS, Clone

PIPELINE = f"{WORKFLOWS}/pipeline.yml"


def gate(app: Clone, name: str = "") -> str:
    """A gate of this test's own."""
    return app.name.partition("/")[2] + name


def pipeline(build: str, *, on: str = "push", test: str = "echo tested") -> dict[str, str]:
    """A workflow of two jobs; `test` needs `build`."""
    text = f"""\
name: CI/CD Pipeline
on: {on}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - name: Build it
        run: {json.dumps(build)}
  test:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - run: {json.dumps(test)}
"""
    return {PIPELINE: text}


def ended(app: Clone, files: dict[str, str]) -> str:
    """The id of the run that pushing these files started, once it has ended."""
    run_id = app.run(head_sha=app.push(files))
    app.ended(run_id)
    return str(run_id)


def passes_once_mended(app: Clone) -> str:
    """A step that fails until the test opens its gate."""
    return f"test -e /gates/{gate(app, '-mended')} || {{ echo 'it is broken' >&2; exit 3; }}"


def jobs(app: Clone, run_id: str) -> dict[str, dict[str, object]]:
    """The jobs of a run's latest attempt, by name."""
    found = app.gh("run", "view", run_id, "--json", "jobs").json()["jobs"]
    return {each["name"]: each for each in found}


def shell_job(script: str, more: str = "", steps: str = "") -> str:
    """A workflow of one job that runs *script* in bash after *steps*; *more* is the job's own."""
    body = "".join(f"          {line}\n" for line in script.strip().splitlines())
    return (
        f"name: Shell\non: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n{more}    steps:\n"
        f"{steps}      - shell: bash\n        run: |\n{body}"
    )


def begun(app: Clone, workflow: str, files: Mapping[str, str] | None = None) -> int:
    """The id of the run that this workflow file starts, pushed with other *files*."""
    sha = app.push({f"{WORKFLOWS}/shell.yml": workflow, **(files or {})})
    return app.run(head_sha=sha, event="push")


def log(app: Clone, run: int) -> str:
    """What its jobs have said."""
    return app.gh("run", "view", str(run), "--log", code=None).out


def said(app: Clone, workflow: str, conclusion: str = "success", *, seconds: float = 60.0) -> str:
    """What a run of this workflow said, once it has ended so."""
    run = begun(app, workflow)
    found = app.ended(run, seconds=seconds)["conclusion"]
    assert found == conclusion, log(app, run)[-10_000:]
    return log(app, run)


def answers(app: Clone) -> None:
    """The server goes on, and another run ends well."""
    assert "still well" in said(app, shell_job("echo still well"))


def remarks(app: Clone, run: int) -> str:
    """The messages of its first job's annotations."""
    job_id = app.api(f"actions/runs/{run}/jobs")["jobs"][0]["id"]
    return "\n".join(each["message"] for each in app.api(f"check-runs/{job_id}/annotations"))
