"""Sources: in memory, and as git keeps them."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from localhub.base.errors import InputError
from localhub.repositories import git
from localhub.repositories.bare import LARGEST_FILE_BYTES, LARGEST_TEXT_BYTES, BareRepositories
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
    def test_of_a_file_that_is_larger_than_any_workflow_only_the_beginning_is_read(
        self, sources: BareRepositories, commit: Commit
    ) -> None:
        sha = commit(APP, {CI: "x" * (3 << 20)})
        assert len(sources.files(APP, sha, FOLDER)[CI]) == LARGEST_FILE_BYTES
        large = commit(APP, {"large.txt": "x" * (LARGEST_TEXT_BYTES + 1)})
        with pytest.raises(InputError, match=r"large.txt has 16777217 bytes"):
            sources.text(APP, large, "large.txt")

    def test_a_file_whose_name_is_no_text_keeps_no_other_from_being_read(
        self, sources: BareRepositories, commit: Commit
    ) -> None:
        odd = f"{FOLDER}/{chr(0xDCFF)}.yml"  # a byte that is no UTF-8, as Python names it
        found = sources.files(APP, commit(APP, {odd: "odd", CI: "x"}), FOLDER)
        assert found == {f"{FOLDER}/\ufffd.yml": "odd", CI: "x"}

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
