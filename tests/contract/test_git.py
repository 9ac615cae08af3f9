"""Commits and their names, from a real repository."""

import subprocess
from pathlib import Path

from carelane.platforms.git.repository import GitRepository
from tests.systems.system import ENVIRONMENT


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)


def test_a_commit_with_several_tags_is_called_by_its_newest_version(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "first")
    for tag in ("v10", "v9"):
        git(tmp_path, "tag", tag)
    assert GitRepository(tmp_path).resolve("HEAD").name == "v10"
