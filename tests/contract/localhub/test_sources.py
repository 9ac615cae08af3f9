"""Sources: in memory, and as git keeps them."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from localhub.repositories import git
from localhub.repositories.bare import BareRepositories
from localhub.runs.ports import Sources
from tests.contract.localhub.sources import APP, CI, FOLDER, Commit, SourcesContract
from tests.fakes.localhub import FakeSources


class TestFakeSources(SourcesContract):
    @pytest.fixture
    def sources(self) -> FakeSources:
        return FakeSources()

    @pytest.fixture
    def commit(self, sources: FakeSources) -> Commit:
        return sources.commit


class TestBareRepositories(SourcesContract):
    @pytest.fixture
    def sources(self, tmp_path: Path) -> BareRepositories:
        return BareRepositories(tmp_path / "repositories")

    @pytest.fixture
    def commit(self, tmp_path: Path, sources: BareRepositories) -> Commit:
        numbers = count(1)

        def made(repository: str, files: Mapping[str, str]) -> str:
            tree = tmp_path / f"tree-{next(numbers)}"
            tree.mkdir()
            for path, text in files.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_bytes(text.encode(errors="surrogateescape"))
            folder = sources.create(repository)
            git.run(folder, "--work-tree", str(tree), "add", "--all", str(tree))
            return git.run(
                folder, "commit-tree", "-m", "a change", git.run(folder, "write-tree").strip()
            ).strip()

        return made

    def test_bytes_that_are_no_text_are_replaced(self, sources: Sources, commit: Commit) -> None:
        assert sources.files(APP, commit(APP, {CI: "a\udcffb"}), FOLDER) == {CI: "a\ufffdb"}
