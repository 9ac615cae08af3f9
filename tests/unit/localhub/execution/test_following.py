"""act's rows become steps, annotations and a conclusion as people know them from GitHub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localhub.execution import logs
from localhub.execution.following import Following
from localhub.execution.masking import Masks
from localhub.hub import forms
from localhub.runs.ports import ActStep, Kept, Order, Progress
from localhub.runs.records import LARGEST_LINE, Annotation

STEPS = (ActStep("0", "Compose"), ActStep("1", "After"))


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    """A job of two steps, the first a composite action."""
    masks = Masks([])
    order = Order(1, 1, "acme/app", "abc", "push", {}, {}, STEPS)
    log = logs.JobLog(tmp_path, masks)
    yield Following(order, log, masks)
    log.close(1)


def told(
    following: Following,
    *happened: tuple[list[str], str, str | None],
    result: str = "success",
    kept: Kept = Kept(),  # noqa: B008 - frozen
) -> Progress:
    """What becomes of it: (id of a step, what act says of it, its result if it has ended)."""
    following.set_up([])
    for step, message, ended in happened:
        row: dict[str, Any] = {"stage": "Main", "step": "Compose", "stepID": step, "msg": message}
        following.read(json.dumps(row | ({"stepResult": ended} if ended else {})).encode())
    following.read(json.dumps({"jobResult": result, "msg": "the end"}).encode())
    return following.finished(kept, cancelled=False, timed_out=False, returned=0)


def conclusions(progress: Progress) -> dict[str, str | None]:
    return {step.name: step.conclusion for step in progress.steps}


def test_a_composite_action_is_one_step_and_ends_as_it_says_itself(following: Following) -> None:
    progress = told(
        following,
        (["0"], "⭐ Run Main Compose", None),
        (["0", "0"], "⭐ Run Main First", None),
        (["0", "0"], "  ❌  Failure - Main First", "failure"),  # with continue-on-error
        (["0", "1"], "⭐ Run Main Second", None),
        (["0", "1"], "  ✅  Success - Main Second", "success"),
        (["0"], "  ✅  Success - Main Compose", "success"),
        (["1"], "⭐ Run Main After", None),
        (["1"], "  ✅  Success - Main After", "success"),
    )
    assert progress.conclusion == "success"
    assert conclusions(progress) == {
        "Set up job": "success",
        "Compose": "success",
        "After": "success",
        "Complete job": "success",
    }


def test_a_composite_action_that_fails_late_is_a_failed_step(following: Following) -> None:
    progress = told(
        following,
        (["0"], "⭐ Run Main Compose", None),
        (["0", "0"], "⭐ Run Main First", None),
        (["0", "0"], "  ✅  Success - Main First", "success"),
        (["0", "1"], "⭐ Run Main Second", None),
        (["0", "1"], "  ❌  Failure - Main Second", "failure"),
        (["0"], "  ❌  Failure - Main Compose", "failure"),
        result="failure",
    )
    assert progress.conclusion == "failure"
    assert conclusions(progress)["Compose"] == "failure"
    assert conclusions(progress)["After"] == "skipped"


def test_what_a_composite_action_does_is_seen_in_its_log(following: Following, tmp_path: Path) -> None:
    told(following, (["0"], "⭐ Run Main Compose", None), (["0", "0"], "⭐ Run Main First", None))
    written = "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    assert "##[group]Run First" in written


def test_only_act_itself_can_say_that_a_step_failed(following: Following) -> None:
    """A step may print the same words: they are its log, and no more."""
    following.set_up([])
    row: dict[str, Any] = {"stage": "Main", "step": "Compose", "stepID": ["0"]}
    following.read(json.dumps(row | {"msg": "⭐ Run Main Compose"}).encode())
    for words in (
        "Unable to interpolate x",
        "Process completed with exit code 7.",
        "this step has been cancelled",
    ):
        following.read(json.dumps(row | {"msg": f"##[error]{words}\n", "raw_output": True}).encode())
    progress = told(following, (["0"], "  ✅  Success - Main Compose", "success"))
    assert (conclusions(progress)["Compose"], progress.annotations) == ("success", ())


def test_a_job_whose_files_are_not_kept_says_so_once_and_blames_nobody_else(
    following: Following, tmp_path: Path
) -> None:
    words = "artifact 'x' is not kept: fifo is not a plain file"
    progress = told(
        following,
        (["0"], "⭐ Run Main Compose", None),
        (["0"], "  ✅  Success - Main Compose", "success"),
        kept=Kept(problems=(Annotation("failure", words),), failed=True),
    )
    assert (progress.conclusion, [each.message for each in progress.annotations]) == ("failure", [words])
    written = "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    assert written.count("##[error]") == written.count(f"##[error]{words}\n") == 1


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("7", 7),
        (" 007 ", 7),
        ("2147483647", 2147483647),
        *((odd, 1) for odd in ("", "0", "-1", "1e9", "2147483648", "9" * 23, "9" * 5000, "\u00b2", "\u0667")),
    ],
)
def test_a_line_that_is_none_is_as_if_it_were_not_given(
    following: Following, written: str, line: int
) -> None:
    places = dict.fromkeys(("line", "endLine", "col", "endColumn"), written)
    following.read(json.dumps({"command": "error", "kvPairs": places, "arg": "x"}).encode())
    (remark,) = following.progress().annotations
    told = forms.annotation(remark)
    assert (remark.line, told["start_line"], told["end_line"]) == (line, line, line)
    assert (told["start_column"], told["end_column"]) == (None, None)


def test_a_line_that_an_earlier_version_kept_can_be_read() -> None:
    assert forms.annotation(Annotation("failure", "x", line=10**23))["start_line"] == LARGEST_LINE
