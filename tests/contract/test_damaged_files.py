"""Something else stands where a file of a shim's folder was: it harms nobody else, and is mended."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.base import json_files
from carelane.platforms.processes.shims import Shims
from tests.contract import processes
from tests.contract.processes import FOREVER, spec
from tests.contract.shims import alive, begin, phase, status
from tests.waiting import until

FILES = ("spec.json", "status.json", "control.json", "child.json", "shim.lock")
every_file = pytest.mark.parametrize("file", FILES)
whatever = pytest.mark.parametrize("instead", ["folder", "loop", "pipe", '{"run": "x", "pid": "y"}'])
either = pytest.mark.parametrize("shim", ["alive", "killed"])


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Shims]:
    with processes.shims(tmp_path / "shims") as made:
        yield made


@pytest.fixture
def again(keeper: Shims) -> Iterator[Shims]:
    """Of a server that remembers nothing."""
    with processes.shims(keeper.root) as made:
        yield made


def spoil(keeper: Shims, tmp_path: Path, shim: str, file: str, instead: str) -> int:
    """Have ``one`` run, and put something else where its *file* was; the pid of its process."""
    begin(keeper, tmp_path, FOREVER)
    seen = phase(keeper, "running")
    if shim == "killed":
        os.kill(seen["shim"]["pid"], signal.SIGKILL)
        until(lambda: not keeper.supervised(seen), 5.0, "the shim is gone")
    path = keeper.folder("one") / file
    path.unlink(missing_ok=True)
    if instead == "folder":
        path.mkdir()
    elif instead == "loop":
        path.symlink_to(path.name)
    elif instead == "pipe":
        os.mkfifo(path)
    else:
        path.write_text(json.dumps({"start": 1.5, "boot": "b", **json.loads(instead)}))
    return int(seen["child"]["pid"])


@either
@whatever
@every_file
def test_what_runs_goes_on_and_is_known_again(
    keeper: Shims, again: Shims, tmp_path: Path, shim: str, file: str, instead: str
) -> None:
    child = spoil(keeper, tmp_path, shim, file, instead)

    def known() -> bool:
        seen = again.status("one")
        if again.spec("one") is None and again.ask_again("one") is None:
            again.write("one", spec(tmp_path, FOREVER))
        if not again.supervised(seen):
            again.ensure("one")
        return seen is not None and again.supervised(seen) and again.running(seen)

    until(known, 15.0, "it is kept")
    assert status(again)["child"]["pid"] == child
    assert alive(child)


@either
@whatever
@every_file
def test_it_is_ended_all_the_same_and_not_held_to_be_before(
    keeper: Shims, again: Shims, tmp_path: Path, shim: str, file: str, instead: str
) -> None:
    child = spoil(keeper, tmp_path, shim, file, instead)
    left = again.end(["one"], 1.0, 10.0)
    assert (left, alive(child)) == ([], False)


def test_what_cannot_be_told_to_end_keeps_no_other_from_ending(
    keeper: Shims, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(keeper, tmp_path, FOREVER)
    one = phase(keeper, "running")["child"]["pid"]
    keeper.write("two", spec(tmp_path, FOREVER))
    keeper.ensure("two")
    until(lambda: keeper.running(keeper.status("two")), 5.0, "the other runs, too")
    two = (keeper.status("two") or {})["child"]["pid"]
    write = json_files.write

    def refused(path: Path, document: object) -> None:
        if path.parent.name == "one":
            raise PermissionError(1, "Operation not permitted")
        write(path, document)

    with monkeypatch.context() as patched:
        patched.setattr(json_files, "write", refused)
        assert keeper.end(["one", "two"], 1.0, 1.0) == ["one"]
    assert alive(one)
    assert not alive(two)
