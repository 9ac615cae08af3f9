"""Logs as gh reads them."""

import io
import re
import zipfile
from pathlib import Path

import pytest

from localhub.execution import logs
from localhub.execution.masking import Masks


def written(folder: Path, lines: dict[int, str]) -> None:
    log = logs.JobLog(folder, Masks(["s3cret"]))
    for number, text in lines.items():
        log.write(number, text)
    log.close(max(lines))


def test_each_line_has_its_time_and_no_secret(tmp_path: Path) -> None:
    written(tmp_path, {1: "one\nthe s3cret"})
    first, second = logs.step_text(tmp_path, 1).splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z one", first)
    assert second.endswith("Z the ***")


def test_the_archive_has_github_s_names(tmp_path: Path) -> None:
    written(tmp_path / "a", {1: "set up", 2: "done"})
    with logs.archive([("test (3.11, a/b)", tmp_path / "a", {1: "Set up job", 2: "Run: it"})]) as file:
        data = file.read()
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert names == [
        "0_test (3.11, ab).txt",
        "test (3.11, ab)/1_Set up job.txt",
        "test (3.11, ab)/2_Run it.txt",
    ]


def test_jobs_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, {1: "x"})
    with logs.archive([("same", tmp_path / "a", {}), ("same", tmp_path / "b", {})]) as file:
        data = file.read()
    assert {"same/1_step 1.txt", "same (2)/1_step 1.txt"} <= set(zipfile.ZipFile(io.BytesIO(data)).namelist())


def test_beyond_the_limit_lines_are_counted_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 200)
    written(tmp_path, {1: "\n".join(["x" * 50] * 10)})
    text = logs.step_text(tmp_path, 1)
    assert "8 lines left out" in text
    assert len(text) < 400


def test_a_very_long_line_is_cut(tmp_path: Path) -> None:
    written(tmp_path, {1: "é" * (logs.LONGEST_LINE_BYTES // 2) + "y" * 7})
    assert len(logs.step_text(tmp_path, 1).encode()) < 1 << 16
    assert logs.step_text(tmp_path, 1).rstrip().endswith("[7 bytes left out]")


def test_following_gives_whole_lines_once(tmp_path: Path) -> None:
    written(tmp_path, {1: "one"})
    sent: dict[int, int] = {}
    assert [number for number, _ in logs.follow(tmp_path, sent)] == [1]
    assert list(logs.follow(tmp_path, sent)) == []


def test_a_line_whose_end_is_unknown_loses_what_may_be_half_a_secret(tmp_path: Path) -> None:
    secret = "".join(f"s3cret{number}" for number in range(900))
    log = logs.JobLog(tmp_path, Masks([secret]))
    log.write_cut(1, "begin " + "z" * 70_000 + secret[:-1])
    log.close(1)
    (line,) = logs.step_text(tmp_path, 1).splitlines()
    assert line.endswith(logs.CUT)
    assert (" begin z" in line, "s3cret" in line) == (True, False)
