"""Recorded traffic: read as it is, or refused with its row."""

from pathlib import Path

import pytest

from carelane.base.errors import InputError
from carelane.platforms.recordings import csv_files

HEADER = "time_seconds,stable_requests,stable_errors,canary_requests,canary_errors"
GOOD = "1,9,0,1,0"


def test_windows_are_read_with_their_times() -> None:
    seen = csv_files.parse("t", [f"{HEADER}\r\n", "1,9,1,0,0\r\n", "\r\n", " 2.5 , 8,0,2,1\r\n"])
    assert seen.started_at.tolist() == [-0.5, 1.0]
    assert seen.ended_at.tolist() == [1.0, 2.5]
    assert seen.canary_errors.tolist() == [0.0, 1.0]
    assert seen.stable_slow.shape == (2, 0)


def test_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder, not a file of recorded traffic"):
        csv_files.read(tmp_path)


def test_columns_may_be_in_any_order_and_slow_ones_may_be_there() -> None:
    header = (
        "canary_slow,canary_errors,stable_slow,time_seconds,stable_requests,stable_errors,canary_requests"
    )
    seen = csv_files.parse("t", [header, "1,2,3,4,50,6,7"])
    assert (seen.canary_slow.tolist(), seen.stable_slow.tolist()) == ([[1.0]], [[3.0]])
    assert (seen.canary_requests.tolist(), seen.stable_errors.tolist()) == ([7.0], [6.0])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "t is empty"),
        ([""], "t is empty"),
        ([HEADER], "no rows"),
        (["time_seconds,stable_requests"], "no column stable_errors"),
        ([HEADER + ",stable_slow", GOOD + ",0"], "no column canary_slow"),
        ([HEADER + ",typo", GOOD + ",0"], "unknown columns typo"),
        ([HEADER + ",canary_errors", GOOD + ",0"], "canary_errors twice"),
        ([HEADER, GOOD, "2,9,0,-1,0"], "row 2 (line 3): canary_requests is '-1'; a count is never negative"),
        ([HEADER, "1,9,10,1,0"], "row 1 (line 2): stable_errors is 10, more than stable_requests, 9"),
        ([HEADER, "1,9,0,1,2"], "canary_errors is 2, more than canary_requests, 1"),
        ([HEADER + ",stable_slow,canary_slow", GOOD + ",0,2"], "canary_slow is 2, more than canary_requests"),
        ([HEADER, GOOD, "0,9,0,1,0"], "row 2 (line 3): time_seconds goes from 1 to 0"),
        ([HEADER, GOOD, GOOD], "time_seconds goes from 1 to 1"),
        ([HEADER, "nan,9,0,1,0"], "time_seconds is 'nan'"),
        ([HEADER, "inf,9,0,1,0"], "time_seconds is 'inf'"),
        ([HEADER, "1,NaN,0,1,0"], "stable_requests is 'NaN', not a whole number"),
        ([HEADER, "1,9.5,0,1,0"], "'9.5', not a whole number"),
        ([HEADER, "1,1_0,0,1,0"], "'1_0', not a whole number"),
        ([HEADER, "1,٣,0,1,0"], "not a whole number"),
        ([HEADER, "1,,0,1,0"], "'', not a whole number"),
        ([HEADER, "1,9,0,1"], "4 values for 5 columns"),
        ([HEADER, GOOD + ",7"], "6 values for 5 columns"),
        ([HEADER, f"1,{'9' * 30},0,1,0"], "the largest count is"),
        ([HEADER, '1,"9,0,1,0'], "t is not CSV"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(lines: list[str], said: str) -> None:
    with pytest.raises(InputError) as refused:
        csv_files.parse("t", lines)
    assert said in refused.value.message
