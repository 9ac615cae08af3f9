"""Workflow files and runs that several end-to-end tests of localhub start from."""

import json

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
