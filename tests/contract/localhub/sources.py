"""What every Sources must do."""

from collections.abc import Callable, Mapping

import pytest

from localhub.runs.ports import Sources

APP, OTHER = "acme/app", "acme/other"
FOLDER = ".github/workflows"
CI, SHIP = f"{FOLDER}/ci.yml", f"{FOLDER}/ship.yml"
NOWHERE = "0" * 40

Commit = Callable[[str, Mapping[str, str]], str]
"""Commits exactly these files, texts by path, to a repository; the SHA."""


class SourcesContract:
    """Subclasses give `sources`, and `commit`, which makes what they read."""

    @pytest.fixture
    def sources(self) -> Sources:
        raise NotImplementedError

    @pytest.fixture
    def commit(self, sources: Sources) -> Commit:
        raise NotImplementedError

    def test_files_are_those_right_in_the_folder_by_their_whole_path(
        self, sources: Sources, commit: Commit
    ) -> None:
        deeper, longer = f"{FOLDER}/old/ci.yml", f"{FOLDER}-old/ci.yml"
        sha = commit(APP, {CI: "on: push\n", SHIP: "", deeper: "x", longer: "x", "ci.yml": "x"})
        assert sources.files(APP, sha, FOLDER) == {CI: "on: push\n", SHIP: ""}
        assert sources.files(APP, sha, f"{FOLDER}/") == sources.files(APP, sha, FOLDER)
        assert sources.files(APP, sha, f"{FOLDER}/old") == {deeper: "x"}

    def test_a_folder_without_files_has_none(self, sources: Sources, commit: Commit) -> None:
        sha = commit(APP, {"README.md": "x"})
        assert sources.files(APP, sha, FOLDER) == {}
        assert sources.files(APP, sha, "README.md") == {}

    def test_a_commit_that_is_not_there_has_none(self, sources: Sources, commit: Commit) -> None:
        commit(APP, {CI: "x"})
        assert sources.files(APP, "b" * 40, FOLDER) == {}

    def test_each_commit_keeps_its_own_texts(self, sources: Sources, commit: Commit) -> None:
        first, second, third = (commit(APP, {CI: text}) for text in ("one", "two", "one and more"))
        texts = [sources.files(APP, sha, FOLDER)[CI] for sha in (first, second, third)]
        assert texts == ["one", "two", "one and more"]

    @pytest.mark.parametrize("text", ["a\r\nb\r\n", "\n\na\n\n", "no end", "ünïcode — 🚀\n", "a\tb\\n\x0c"])
    def test_a_text_is_as_it_was_committed(self, sources: Sources, commit: Commit, text: str) -> None:
        assert sources.files(APP, commit(APP, {CI: text}), FOLDER) == {CI: text}

    @pytest.mark.parametrize("name", ["ä b.yml", "it's [*].yml", 'a"\\b.yml', "a\tb\nc.yml", ":(top)x.yml"])
    def test_names_may_be_what_git_takes(self, sources: Sources, commit: Commit, name: str) -> None:
        path = f"{FOLDER}/{name}"
        sha = commit(APP, {path: "x"})
        assert sources.files(APP, sha, FOLDER) == {path: "x"}
        assert list(sources.changed(APP, None, sha)) == [path]
        assert list(sources.changed(APP, commit(APP, {}), sha)) == [path]

    def test_repositories_are_kept_apart(self, sources: Sources, commit: Commit) -> None:
        sha, other = commit(APP, {CI: "x"}), commit(OTHER, {SHIP: "y", "b": ""})
        assert sources.files(OTHER, sha, FOLDER) == {}
        assert sources.files(OTHER, other, FOLDER) == {SHIP: "y"}
        assert sorted(sources.changed(OTHER, None, other)) == [SHIP, "b"]

    def test_changed_are_paths_that_were_added_removed_or_rewritten(
        self, sources: Sources, commit: Commit
    ) -> None:
        before = commit(APP, {"same": "s", "gone": "g", "deep/er/text": "1"})
        after = commit(APP, {"same": "s", "new": "n", "deep/er/text": "2"})
        assert sorted(sources.changed(APP, before, after)) == ["deep/er/text", "gone", "new"]

    def test_a_file_that_was_moved_has_changed_where_it_was_and_where_it_is(
        self, sources: Sources, commit: Commit
    ) -> None:
        text = "a text that is long enough to be known again\n" * 9
        before, after = commit(APP, {"docs/a.md": text}), commit(APP, {"src/a.md": text})
        assert sorted(sources.changed(APP, before, after)) == ["docs/a.md", "src/a.md"]

    def test_changed_looks_at_the_two_commits_alone(self, sources: Sources, commit: Commit) -> None:
        first, between = commit(APP, {"a": "1"}), commit(APP, {"a": "2", "b": "1"})
        last = commit(APP, {"a": "1"})
        assert list(sources.changed(APP, first, last)) == []
        assert sorted(sources.changed(APP, last, between)) == ["a", "b"]
        assert list(sources.changed(APP, between, between)) == []

    @pytest.mark.parametrize("before", [None, NOWHERE, "b" * 40])
    def test_all_paths_have_changed_where_there_is_no_commit_before(
        self, sources: Sources, commit: Commit, before: str | None
    ) -> None:
        commit(APP, {"earlier": "x"})
        after = commit(APP, {"a": "1", "b/c": "2"})
        assert sorted(sources.changed(APP, before, after)) == ["a", "b/c"]
