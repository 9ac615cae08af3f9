"""The example's pipeline: valid, pinned, with few rights, and running the example's own checks."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

HEALTHCARE = Path(__file__).resolve().parents[1] / "healthcare"
FOLDER = HEALTHCARE / ".github" / "workflows"
FILE = FOLDER / "ci-cd-pipeline.yml"
DEPLOY = FOLDER / "deploy.yml"
ACTIONLINT = Path(sys.executable).with_name("actionlint")


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    made: dict[Any, Any] = yaml.safe_load(FILE.read_text())
    return made


def _steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("file", [FILE, DEPLOY], ids=lambda file: file.name)
def test_actionlint_has_nothing_to_say(file: Path) -> None:
    done = subprocess.run([ACTIONLINT, file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_actionlint_would_have_something_to_say_of_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(FILE.read_text().replace("matrix.test-type", "matrix.test-tpye"))
    done = subprocess.run([ACTIONLINT, wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "test-tpye" in done.stdout


def test_it_is_called_as_the_guide_calls_it_and_started_as_the_guide_starts_it(
    workflow: dict[Any, Any],
) -> None:
    assert workflow["name"] == "CI/CD Pipeline"
    assert "inputs.environment" in workflow["run-name"]
    triggers = workflow[True]  # YAML 1.1 reads `on` as true
    assert set(triggers) == {"push", "pull_request", "workflow_dispatch"}
    wanted = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["environments"]
    assert triggers["workflow_dispatch"]["inputs"]["environment"]["options"] == list(wanted)


def test_deploy_is_called_as_the_guide_calls_it_and_waits_for_the_environment_s_approval() -> None:
    made = yaml.safe_load(DEPLOY.read_text())
    assert set(made[True]["workflow_dispatch"]["inputs"]) == {"environment", "commit_sha"}
    assert made["jobs"]["deploy"]["environment"] == "${{ inputs.environment }}"
    assert made["jobs"]["deploy"]["needs"] == "resolve", "an unknown commit is refused before anything moves"


def test_development_is_reached_from_main_alone(workflow: dict[Any, Any]) -> None:
    job = workflow["jobs"]["deploy-dev"]
    assert (job["needs"], job["environment"]) == ("build", "development")
    assert job["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"


def test_every_action_is_pinned_by_a_whole_commit_with_its_version_beside_it() -> None:
    texts = [file.read_text() for file in (FILE, DEPLOY)]
    used = [line for text in texts for line in re.findall(r"^\s*(?:- )?uses: ([^.].*)$", text, re.MULTILINE)]
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used), used


def test_it_may_read_the_repository_and_nothing_else(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    for step in _steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_no_text_from_outside_is_pasted_into_a_script(workflow: dict[Any, Any]) -> None:
    assert not [step["run"] for step in _steps(workflow) if "${{" in step.get("run", "")]


def test_it_runs_the_example_s_own_checks_and_every_suite_there_is(workflow: dict[Any, Any]) -> None:
    scripts = [step["run"] for step in _steps(workflow) if "run" in step]
    for command in ("ruff format --check .", "ruff check .", "mypy src-code", "actionlint"):
        assert command in scripts
    suites = {path.parent.name for path in (HEALTHCARE / "src-code" / "tests").glob("*/__init__.py")}
    assert set(workflow["jobs"]["test"]["strategy"]["matrix"]["test-type"]) == suites


def test_dependencies_are_cached_by_lock_and_installed_by_hash(workflow: dict[Any, Any]) -> None:
    steps = {step["name"]: step for step in workflow["jobs"]["environment"]["steps"]}
    key = steps["Dependencies"]["with"]["key"]
    (pattern,) = re.findall(r"hashFiles\('([^']+)'\)", key)
    assert {path.name for path in HEALTHCARE.glob(pattern)} >= {
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-install.txt",
    }
    assert "python-version" in key
    installs = steps["Install"]["run"].splitlines()
    assert all("--require-hashes" in line for line in installs), installs
    restored = [step for step in _steps(workflow) if "cache/restore@" in step.get("uses", "")]
    assert [step["with"]["key"] for step in restored] == [key, key], "what is made is what is used"


def test_every_step_has_a_name_and_every_job_an_end(workflow: dict[Any, Any]) -> None:
    assert all(step.get("name") for step in _steps(workflow))
    assert all(isinstance(job["timeout-minutes"], int) for job in workflow["jobs"].values())
