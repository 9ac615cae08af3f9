"""Documents in files: whole or not there, and what is damaged is set aside."""

import os
import re
import resource
import time
from pathlib import Path

import pytest

from carelane.base import json_files


def test_what_was_written_is_read_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    json_files.write(path, {"run": 1})
    json_files.write(path, {"run": 2})
    assert json_files.read(path) == {"run": 2}
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]
    assert path.stat().st_mode & 0o077 == 0


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    json_files.write(path, {"run": 1})
    with pytest.raises(TypeError):
        json_files.write(path, {"run": object()})
    assert json_files.read(path) == {"run": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


WRONG = '{"run": "one"}'
INSIDE = '{"run": 1, "shim": {"pid": "one"}}'
DEEP = '{"run": 1, "more": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    "text", ["", '{"run": 1', "null", "[]", "{}", "\x00\x00\x00", '{"pid": 1}', WRONG, INSIDE, DEEP]
)
def test_one_that_is_damaged_is_none_and_is_kept_under_another_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "status.json"
    path.write_text(text)
    assert json_files.read(path, {"run": int}, {"shim": {"pid": int}}) is None
    assert json_files.read(path, {"run": int}, {"shim": {"pid": int}}) is None
    assert [found.read_text() for found in json_files.damaged(tmp_path)] == [text]
    assert not path.exists()


def test_what_is_not_utf_8_is_damaged_too(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(b"\xff\xfe{}")
    assert json_files.read(path) is None
    assert len(json_files.damaged(tmp_path)) == 1


@pytest.mark.parametrize("instead", ["folder", "loop", "pipe", "device"])
def test_what_is_no_file_is_damaged_too_and_makes_way(tmp_path: Path, instead: str) -> None:
    path = tmp_path / "status.json"
    remembered = json_files.Remembered({"run": int})
    json_files.write(path, {"run": 1})
    assert remembered.read(path) == {"run": 1}
    path.unlink()
    if instead == "folder":
        path.mkdir()
        (path / "something").write_text("in it")
    elif instead == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if instead == "device" else path.name)
    assert remembered.read(path) is None
    assert json_files.read(path) is None
    assert len(json_files.damaged(tmp_path)) == 1
    json_files.write(path, {"run": 2})
    assert remembered.read(path) == {"run": 2}


def test_a_folder_makes_way_for_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.mkdir()
    (path / "something").write_text("in it")
    json_files.write(path, {"run": 2})
    assert json_files.read(path) == {"run": 2}
    assert [(aside / "something").read_text() for aside in json_files.damaged(tmp_path)] == ["in it"]


def test_what_says_nothing_of_a_file_sets_none_aside(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    json_files.write(path, {"run": 1})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            json_files.read(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert json_files.read(path) == {"run": 1}


def test_one_that_is_remembered_is_read_again_once_it_was_replaced(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    remembered = json_files.Remembered({"phase": str})
    assert remembered.read(file) is None
    json_files.write(file, {"phase": "running"})
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
    assert remembered.read(file) == {"phase": "running"}
    json_files.write(file, {"phase": "exited!"})
    os.utime(file, (an_hour_ago, an_hour_ago))
    assert remembered.read(file) == {"phase": "exited!"}, "another file of the same size and age"
    file.write_text("")
    assert remembered.read(file) is None
    assert json_files.damaged(tmp_path)
    assert remembered.read(file) is None


def test_one_that_is_remembered_is_read_from_its_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "status.json"
    json_files.write(file, {"phase": "running"})
    remembered = json_files.Remembered({"phase": str})
    monkeypatch.setattr(json_files, "SETTLED_NS", -1)
    first = remembered.read(file)
    assert remembered.read(file) is first
    monkeypatch.setattr(json_files, "SETTLED_NS", 3600 * 10**9)
    file.write_text('{"phase": "x"}')
    assert remembered.read(file) is not remembered.read(file), "too young"


def test_every_document_is_written_by_the_one_that_writes_whole_ones() -> None:
    """Of carelane; a shim may import nothing, and has a few lines of its own that do the same."""
    source = Path(json_files.__file__).parents[1]
    itself = {Path(json_files.__file__), source / "platforms" / "processes" / "shim.py"}
    files = [file for file in source.rglob("*.py") if file not in itself]
    written = re.compile(r"write_(text|bytes)\(\s*json\.dumps|json\.dump\(")
    assert [str(file) for file in files if written.search(file.read_text())] == []
