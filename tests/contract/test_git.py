"""Reading commits, with the git a user has."""

import subprocess
from pathlib import Path

import pytest

from carelane.base.errors import InputError, NotFoundError
from carelane.platforms.git import repository as git_repository
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
    repository = GitRepository(folder)
    assert repository.resolve("HEAD").name == "v10"
    assert [repository.resolve(said).name for said in ("v2", "refs/tags/v9", "v10")] == ["v2", "v9", "v10"]


def test_what_is_not_committed_is_named_where_it_matters(folder: Path) -> None:
    repository = GitRepository(folder)
    assert repository.uncommitted(["service.py", "."]) == []
    (folder / "service.py").write_text("two")
    (folder / "notes.txt").write_text("two")
    (folder / "ä new.py").touch()
    assert repository.uncommitted(["service.py"]) == ["service.py"]
    assert sorted(repository.uncommitted(["."])) == ["notes.txt", "service.py", "ä new.py"]


def test_what_was_pushed_names_nothing_in_the_users_own_repository(folder: Path, tmp_path: Path) -> None:
    """Pushed tags once became the user's own, and then named releases."""
    hub, work = tmp_path / "hub.git", tmp_path / "work"
    git(folder, "clone", "--quiet", "--bare", str(folder), str(hub))
    git(folder, "clone", "--quiet", str(hub), str(work))
    (work / "service.py").write_text("two")
    git(work, "commit", "--quiet", "--all", "--message", "two")
    git(work, "tag", "v9.9")
    git(work, "push", "--quiet", "origin", "HEAD", "v9.9")
    pushed = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=work, capture_output=True, text=True, check=True
    )
    sha = pushed.stdout.strip()

    repository = GitRepository(folder, also=hub)
    found = repository.resolve(sha)
    assert (found.sha, found.name) == (sha, sha[:12])
    tags = subprocess.run(["git", "tag"], cwd=folder, capture_output=True, text=True, check=True)
    assert tags.stdout == ""
    with pytest.raises(NotFoundError, match=r"no commit 'v9\.9'"):
        repository.resolve("v9.9")


def test_a_few_trees_that_stand_for_any_number_of_files_are_not_taken_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten folders of ten folders of …: twelve objects, a million files, half a gigabyte as a tar."""
    monkeypatch.setattr(git_repository, "ARCHIVE_BYTES", 8 << 20)
    entry = "100644 blob " + printed(folder, "hash-object", "-w", "notes.txt")
    for _ in range(6):
        listed = "".join(f"{entry}\t{name}\n" for name in range(10))
        entry = "040000 tree " + printed(folder, "mktree", given=listed)
    sha = printed(folder, "commit-tree", entry.split()[-1], "-m", "many")
    repository = GitRepository(folder)
    with pytest.raises(InputError, match=r"^0, 1 of .* has more than 8 MiB$"):
        repository.archive(sha, ["0", "1"])
    assert len(repository.archive(sha, ["0/0/0"])) < 8 << 20


@pytest.mark.parametrize("holds", ["file", ""], ids=["files", "empty folders"])
def test_a_tree_without_end_is_known_by_its_list(folder: Path, holds: str) -> None:
    """Thirty objects that stand for 10^20 files, or for as many folders with nothing in them."""
    blob = "100644 blob " + printed(folder, "hash-object", "-w", "notes.txt")
    entry = "040000 tree " + printed(folder, "mktree", given=f"{blob}\t{holds}\n" if holds else "")
    for _ in range(20):
        listed = "".join(f"{entry}\t{name}\n" for name in range(10))
        entry = "040000 tree " + printed(folder, "mktree", given=listed)
    sha = printed(folder, "commit-tree", entry.split()[-1], "-m", "without end")
    with pytest.raises(InputError, match=r"^the list of 0 of .* has more than 16 MiB$"):
        GitRepository(folder).archive(sha, ["0"])


def test_what_git_does_not_say_in_time_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_repository, "READ_SECONDS", 0.0)
    repository = GitRepository(folder)
    sha = printed(folder, "rev-parse", "HEAD")
    with pytest.raises(InputError, match="cannot be read within 0 s"):
        list(iter(lambda: repository.file(sha, "service.py"), ""))  # until the timer is faster than git


def test_a_submodule_is_refused_by_name_where_it_would_be_packed(folder: Path) -> None:
    """An archive has an empty folder in its place."""
    sha = printed(folder, "rev-parse", "HEAD")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{sha},vendor/lib ä")
    (folder / "vendor" / "own").mkdir(parents=True)
    (folder / "vendor" / "own" / "file").touch()
    git(folder, "add", "vendor/own")
    git(folder, "commit", "--quiet", "--message", "with a submodule")
    head = printed(folder, "rev-parse", "HEAD")
    repository = GitRepository(folder)
    for packed in (["vendor"], ["."], ["service.py", "vendor/lib ä"]):
        with pytest.raises(InputError, match="cannot pack vendor/lib ä: a submodule"):
            repository.archive(head, packed)
    assert repository.archive(head, ["service.py", "vendor/own"])


def printed(folder: Path, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_folder_says_which_repository_it_is_and_no_variable_of_a_hook(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = printed(folder, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/no/such/repository.git")
    monkeypatch.setenv("GIT_INDEX_FILE", "/no/such/index")
    repository = GitRepository(folder)
    assert repository.resolve("HEAD").sha == sha
    assert repository.file(sha, "notes.txt") == "one"
    assert repository.uncommitted(["."]) == []


def test_a_file_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"\xff\xfe")
    git(folder, "commit", "--quiet", "--all", "--message", "two")
    repository = GitRepository(folder)
    with pytest.raises(InputError, match=r"notes.txt of commit .* is no text"):
        repository.file(repository.resolve("HEAD").sha, "notes.txt")
