"""What a job leaves is untrusted."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from localhub.store import harvest

ROOM = 1 << 20


def test_plain_files_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    (tmp_path / "out" / "sub" / "a.txt").write_text("hello")
    assert harvest.taken_over(tmp_path / "out", tmp_path / "kept", ROOM) == 5
    assert (tmp_path / "kept" / "sub" / "a.txt").read_text() == "hello"


def _link(folder: Path) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def _sparse(folder: Path) -> None:
    with (folder / "huge").open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize("trap", [_link, _pipe, _sparse])
def test_links_pipes_and_files_beyond_the_limit_are_refused_and_nothing_is_kept(
    tmp_path: Path, trap: object
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "fine.txt").write_text("fine")
    trap(tmp_path / "out")  # type: ignore[operator]
    with pytest.raises((ValueError, OSError)):
        harvest.taken_over(tmp_path / "out", tmp_path / "kept", ROOM)
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_is_a_link_is_no_artifact(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")
    assert list(harvest.folders(tmp_path)) == []


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest, "MOST_FILES", 3)
    (tmp_path / "out").mkdir()
    for number in range(3):
        (tmp_path / "out" / str(number)).touch()
    with pytest.raises(ValueError, match="more than 3 files and folders"):
        harvest.taken_over(tmp_path / "out", tmp_path / "kept", ROOM)


def test_outputs_are_texts_and_empty_ones_are_none(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    assert harvest.outputs(file) == {}
    file.write_text(json.dumps({"a": "1", "b": "", "c": None}))
    assert harvest.outputs(file) == {"a": "1"}


def test_outputs_that_are_a_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outputs.json").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="not a file"):
        harvest.outputs(tmp_path / "outputs.json")


@pytest.mark.parametrize("trap", [lambda path: path.symlink_to("/dev/zero"), os.mkfifo])
def test_what_is_no_plain_file_is_not_opened(tmp_path: Path, trap: Callable[[Path], None]) -> None:
    trap(tmp_path / "x.json")
    with pytest.raises(ValueError, match="not a plain file"):
        harvest.text_of(tmp_path / "x.json", ROOM)


def test_a_folder_that_the_job_removed_has_none(tmp_path: Path) -> None:
    assert list(harvest.folders(tmp_path / "gone")) == []


def test_artifacts_come_in_the_order_of_their_uploads_whatever_the_list_says_besides(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "artifacts" / name).mkdir(parents=True)
    names = [folder.name for folder in harvest.uploaded(tmp_path)]
    assert names == ["a", "b", "c"], "there is no list"
    (tmp_path / "uploaded").write_text("gone\nc\n../b\nc\na\n")
    assert [folder.name for folder in harvest.uploaded(tmp_path)] == ["c", "a", "b"]
    (tmp_path / "uploaded").unlink()
    os.mkfifo(tmp_path / "uploaded")
    assert [folder.name for folder in harvest.uploaded(tmp_path)] == ["a", "b", "c"]
