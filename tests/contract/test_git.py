"""Reading commits, with the git a user has."""

import subprocess
from pathlib import Path

import pytest

from carelane.platforms.git.repository import GitRepository
from tests.systems.system import ENVIRONMENT


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    for name in ("service.py", "notes.txt"):
        (tmp_path / name).write_text("one")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_of_several_tags_the_highest_version_names_the_commit(folder: Path) -> None:
    for tag in ("v9", "v10", "v2"):
        git(folder, "tag", tag)
    assert GitRepository(folder).resolve("HEAD").name == "v10"


def test_what_is_not_committed_is_named_where_it_matters(folder: Path) -> None:
    repository = GitRepository(folder)
    assert repository.uncommitted(["service.py", "."]) == []
    (folder / "service.py").write_text("two")
    (folder / "notes.txt").write_text("two")
    (folder / "ä new.py").touch()
    assert repository.uncommitted(["service.py"]) == ["service.py"]
    assert sorted(repository.uncommitted(["."])) == ["notes.txt", "service.py", "ä new.py"]
