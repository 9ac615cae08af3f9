"""The Sources port: in memory, and a git repository with its carelane.yaml."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from carelane.bootstrap.sources import CommittedSources
from carelane.platforms.git.repository import GitRepository
from carelane.platforms.processes.archives import Archives, remove
from tests.contract.sources import Repository, SourcesContract
from tests.fakes.sources import FakeSources
from tests.systems.system import ENVIRONMENT


class TestFakeSources(SourcesContract):
    @pytest.fixture
    def repository(self) -> Repository:
        sources = FakeSources()

        def commit(name: str, services: Mapping[str, str]) -> str:
            sources.commits[name] = services
            return name

        return Repository(sources, commit)


class TestCommittedSources(SourcesContract):
    @pytest.fixture
    def repository(self, tmp_path: Path) -> Iterator[Repository]:
        folder = tmp_path / "system"
        folder.mkdir()
        self._git(folder, "init", "--quiet")

        def commit(name: str, services: Mapping[str, str]) -> str:
            described = "".join(
                f"  {service}: {{kind: web, source: [{service}.py], run: [python3, {service}.py]}}\n"
                for service in services
            )
            for service, content in services.items():
                (folder / f"{service}.py").write_text(content)
            (folder / "carelane.yaml").write_text(
                f"system: small\nservices:\n{described}environments:\n  production: {{port: 18080}}\n"
            )
            self._git(folder, "add", "--all")
            self._git(folder, "commit", "--quiet", "--allow-empty", "--message", name)
            self._git(folder, "tag", name)
            return name

        yield Repository(CommittedSources(GitRepository(folder), Archives(tmp_path / "artifacts")), commit)
        remove(tmp_path / "artifacts")

    @staticmethod
    def _git(folder: Path, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
