"""The history of the example can be made anywhere, and every version of it works.

Run with the example's own environment (see healthcare/README.md): the versions' unit tests run in it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "make_repository.py"
TAGS = ("v1.0", "v2.0", "v3.0", "v4.0", "v5.0")
MODULES = (
    "backend.applications",
    "backend.migrations.__main__",
    "frontend.applications",
    "reminders.worker",
    "traffic.runs",
)
IMPORTS = f"import {', '.join(MODULES)}"


def _make(target: Path) -> subprocess.CompletedProcess[str]:
    # Somebody else's settings, which must not matter.
    environment = os.environ | {"GIT_AUTHOR_NAME": "Somebody", "GIT_CONFIG_COUNT": "1"}
    environment |= {"GIT_CONFIG_KEY_0": "core.autocrlf", "GIT_CONFIG_VALUE_0": "true"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(target)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, made once."""
    target = tmp_path_factory.mktemp("made") / "healthcare"
    made = _make(target)
    assert made.returncode == 0, made.stderr
    return target


def test_everybody_gets_the_same_commits(repository: Path, tmp_path: Path) -> None:
    """Four tags on one line of history, the same SHAs again, a clean work tree at the last."""
    assert _make(tmp_path / "again").returncode == 0
    shas = [[_git(made, "rev-parse", tag) for tag in TAGS] for made in (repository, tmp_path / "again")]
    assert shas[0] == shas[1]
    assert _git(repository, "rev-list", "--reverse", "main").split() == shas[0]
    assert _git(repository, "status", "--short") == ""


def test_the_session_key_is_made_and_not_committed(repository: Path, tmp_path: Path) -> None:
    """Another one every time, readable by its owner alone."""
    key = repository / "secrets" / "session-key"
    assert (len(key.read_text().strip()), key.stat().st_mode & 0o777) == (64, 0o600)
    assert _make(tmp_path / "again").returncode == 0
    assert key.read_text() != (tmp_path / "again" / "secrets" / "session-key").read_text()
    assert "secrets" not in _git(repository, "log", "--all", "--name-only", "--format=")


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ("v1.0", None),
        ("v2.0", None),
        ("v3.0", "errors:0.05"),
        ("v4.0", "errors:0.2:1000requests"),
        ("v5.0", "unready"),
    ],
)
def test_every_version_works(repository: Path, tmp_path: Path, tag: str, fault: str | None) -> None:
    """Its programs can be imported and its unit tests pass; v3.0 to v5.0 carry their fault."""
    _git(repository, "worktree", "add", "--detach", str(tmp_path / tag), tag)
    source = tmp_path / tag / "src-code"
    for arguments in (["-c", IMPORTS], ["-m", "pytest", "-p", "no:cacheprovider", "../src-code/tests/unit"]):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=source, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    lines = (tmp_path / tag / "carelane.yaml").read_text().splitlines()
    found = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("HEALTHCARE_FAULT")]
    assert found == ([fault] if fault else [])


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Exit code 2, one clear error, nothing touched."""
    (tmp_path / "mine").write_text("mine")
    refused = _make(tmp_path)
    assert (refused.returncode, "is not an empty folder" in refused.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
