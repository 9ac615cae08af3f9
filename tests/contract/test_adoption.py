"""Whose a process is once its shim was killed: the next one adopts it, and nobody takes another for it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carelane.platforms.processes import identities, shims
from carelane.platforms.processes.shim import boot_id, start_time
from carelane.platforms.processes.shims import SHIM, Shims
from tests.contract import processes
from tests.contract.processes import FOREVER, spec
from tests.contract.shims import alive, begin, log, phase, status
from tests.waiting import until


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Shims]:
    with processes.shims(tmp_path / "shims") as made:
        yield made


def kill_shim(keeper: Shims) -> int:
    """Kill the shim of ``one``, as hard as can be; the pid of the process it leaves."""
    seen = phase(keeper, "running")
    os.kill(seen["shim"]["pid"], signal.SIGKILL)
    until(lambda: not keeper.supervised(seen), 5.0, "the shim is gone")
    return int(seen["child"]["pid"])


def test_a_killed_shim_harms_nobody_and_the_next_one_adopts_its_process(
    keeper: Shims, tmp_path: Path
) -> None:
    begin(keeper, tmp_path, FOREVER)
    child = kill_shim(keeper)
    assert keeper.running(status(keeper))
    keeper.ensure("one")
    until(lambda: keeper.supervised(status(keeper)), 5.0, "another shim has it")
    assert status(keeper)["child"]["pid"] == child
    assert status(keeper)["run"] == 1
    keeper.stop("one", 1.0)
    phase(keeper, "exited")
    assert not alive(child)


def test_an_adopted_process_that_ends_is_started_again(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, FOREVER)
    child = kill_shim(keeper)
    keeper.ensure("one")
    until(lambda: keeper.supervised(status(keeper)), 5.0, "another shim has it")
    os.kill(child, signal.SIGKILL)
    until(lambda: status(keeper)["run"] == 2 and status(keeper)["phase"] == "running", 5.0, "it runs again")
    assert status(keeper)["exit_code"] is None  # nobody saw it, nobody guesses it


def test_an_end_that_no_shim_saw_is_counted_by_the_next(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, FOREVER)
    for ends in (1, 2):
        child = kill_shim(keeper)
        os.kill(child, signal.SIGKILL)
        until(lambda child=child: not alive(child), 5.0, "both are gone")  # type: ignore[misc]  # bound here
        keeper.ensure("one")
        until(lambda ends=ends: status(keeper)["run"] == ends + 1, 5.0, "it runs again")  # type: ignore[misc]
        seen = phase(keeper, "running")
        assert (seen["restarts"], seen["recent"], seen["exit_code"]) == (ends, ends, None)


def test_an_end_that_a_shim_saw_before_it_was_killed_is_counted_once(keeper: Shims, tmp_path: Path) -> None:
    program = "import os\nif not os.path.exists('well'): raise SystemExit(4)\n" + FOREVER
    begin(keeper, tmp_path, program)
    until(lambda: status(keeper).get("recent", 0) >= 3, 10.0, "it has ended three times")
    seen = phase(keeper, "backoff")
    os.kill(seen["shim"]["pid"], signal.SIGKILL)
    until(lambda: not keeper.supervised(seen), 5.0, "the shim is gone")
    (tmp_path / "well").touch()
    counted = status(keeper)["restarts"]
    ensured_until_supervised(keeper)
    assert phase(keeper, "running")["restarts"] == counted


def test_a_process_left_alone_can_still_be_stopped(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, FOREVER)
    child = kill_shim(keeper)
    keeper.stop("one", 1.0)
    until(lambda: not alive(child), 5.0, "it is gone")
    phase(keeper, "exited")


DYING = """\
import importlib.util, os, sys
found = importlib.util.spec_from_file_location("shim", sys.argv[1])
shim = importlib.util.module_from_spec(found)
found.loader.exec_module(shim)
say = shim.Shim.say
shim.Shim.say = lambda self, phase: os.kill(os.getpid(), 9) if phase == sys.argv[3] else say(self, phase)
shim.main(sys.argv[2])
"""
COUNTED = "import os; print(os.getpid(), file=open('started', 'a', 1))\n"


def shim_that_dies_when_it_says(keeper: Shims, said: str) -> None:
    """Run a shim on ``one`` that is killed in the moment it would write *said*."""
    command = [sys.executable, "-I", "-S", "-c", DYING, str(SHIM), str(keeper.folder("one")), said]
    assert subprocess.run(command, check=False, timeout=10).returncode == -signal.SIGKILL


def test_a_shim_killed_as_its_process_begins_leaves_one_that_is_known_and_not_started_twice(
    keeper: Shims, tmp_path: Path
) -> None:
    keeper.write("one", spec(tmp_path, COUNTED + FOREVER))
    shim_that_dies_when_it_says(keeper, "running")
    until((tmp_path / "started").exists, 5.0, "the process has begun")
    until(lambda: status(keeper)["phase"] == "running", 5.0, "it is seen without any shim")
    assert keeper.running(status(keeper))
    ensured_until_supervised(keeper)
    child = phase(keeper, "running")["child"]["pid"]
    assert (tmp_path / "started").read_text().split() == [str(child)]
    keeper.stop("one", 1.0)
    phase(keeper, "exited")
    assert not alive(child)


def test_a_task_whose_shim_was_killed_as_it_began_runs_once_and_one_that_never_began_is_run(
    keeper: Shims, tmp_path: Path
) -> None:
    keeper.write("one", spec(tmp_path, COUNTED, once=True))
    shim_that_dies_when_it_says(keeper, "backoff")  # before there is any process
    shim_that_dies_when_it_says(keeper, "running")
    ensured_until_supervised(keeper)
    phase(keeper, "exited")
    assert len((tmp_path / "started").read_text().split()) == 1


def ensured_until_supervised(keeper: Shims) -> None:
    """As the engine does: again and again, for a shim leaves while the new process still has the lock."""

    def supervised() -> bool:
        keeper.ensure("one")
        seen = status(keeper)
        return keeper.supervised(seen) or seen["phase"] == "exited"

    until(supervised, 5.0, "another shim has it")


def test_what_an_adopted_process_started_ends_with_it_and_what_is_not_marked_is_left_alone(
    keeper: Shims, tmp_path: Path
) -> None:
    """Its group's number alone says nothing once it has been waited for by somebody else."""
    program = (
        "import subprocess, sys\n"
        "sleeper = [sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)']\n"
        "print(subprocess.Popen(sleeper).pid, subprocess.Popen(sleeper, env={}).pid)\n" + FOREVER
    )
    begin(keeper, tmp_path, program)
    until(lambda: log(keeper).endswith("\n"), 5.0, "it says its children's pids")
    marked, unmarked = (int(pid) for pid in log(keeper).split())
    child = kill_shim(keeper)
    keeper.ensure("one")
    until(lambda: keeper.supervised(status(keeper)), 5.0, "another shim has it")
    os.kill(child, signal.SIGKILL)
    until(lambda: status(keeper)["run"] == 2, 5.0, "it has ended and runs again")
    until(lambda: not alive(marked), 5.0, "what it started is gone")
    assert alive(unmarked)
    os.kill(unmarked, signal.SIGKILL)


def test_a_process_is_waited_for_only_after_what_it_left_behind_was_killed(
    keeper: Shims, tmp_path: Path
) -> None:
    """Before, its number is its own; afterwards, it may be anybody's."""
    keeper.write("one", spec(tmp_path, "", once=True))
    traced = DYING.replace(
        "shim.main",
        "for name in ('killpg', 'waitpid'):\n"
        "    do = getattr(os, name)\n"
        "    setattr(os, name, lambda *a, do=do, name=name: (print(name, flush=True), do(*a))[1])\n"
        "shim.main",
    )
    command = [sys.executable, "-I", "-S", "-c", traced, str(SHIM), str(keeper.folder("one")), "never"]
    done = subprocess.run(command, check=False, timeout=10, capture_output=True, text=True)
    assert done.stdout.split() == ["killpg", "waitpid"]


def test_of_two_shims_on_one_folder_one_leaves(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, FOREVER)
    first = phase(keeper, "running")
    second = subprocess.run(
        [sys.executable, "-I", "-S", str(SHIM), str(keeper.folder("one"))], check=False, timeout=5
    )
    assert second.returncode == 0
    assert status(keeper) == first
    assert alive(first["child"]["pid"])


# -- a pid that means another process now


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that no shim has anything to do with."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", FOREVER], start_new_session=True) as process:
        yield process
        process.kill()


def claim(keeper: Shims, pid: int, start: int, boot: str) -> None:
    """Let ``one`` believe that *pid* is its process."""
    gone = {"pid": 2**22 + 1, "start": 1, "boot": boot}
    document = {
        "run": 1, "restarts": 0, "recent": 0, "phase": "running", "since": time.time(),
        "shim": gone, "child": {"pid": pid, "start": start},
    }  # fmt: skip
    (keeper.folder("one") / "status.json").write_text(json.dumps(document))


@pytest.mark.parametrize("wrong", ["start", "boot"])
def test_a_reused_pid_is_neither_adopted_nor_signalled(
    keeper: Shims, tmp_path: Path, stranger: "subprocess.Popen[bytes]", wrong: str
) -> None:
    start = start_time(stranger.pid)
    assert start is not None
    keeper.write("one", spec(tmp_path, FOREVER))
    claim(
        keeper,
        stranger.pid,
        start - 1 if wrong == "start" else start,
        "another-boot" if wrong == "boot" else boot_id(),
    )
    assert not keeper.running(status(keeper))
    keeper.ensure("one")
    until(lambda: status(keeper)["run"] == 2, 5.0, "its own run begins")
    assert phase(keeper, "running")["child"]["pid"] != stranger.pid
    keeper.stop("one", 0.2)
    phase(keeper, "exited")
    assert stranger.poll() is None


def test_a_signal_reaches_only_the_very_process(stranger: "subprocess.Popen[bytes]") -> None:
    start = start_time(stranger.pid)
    assert start is not None
    assert not identities.send({"pid": stranger.pid, "start": start + 1}, signal.SIGKILL)
    assert stranger.poll() is None
    assert identities.send({"pid": stranger.pid, "start": start}, signal.SIGKILL)
    stranger.wait(5)
    assert not identities.send({"pid": stranger.pid, "start": start}, signal.SIGKILL)


STRAY = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        while True: time.sleep(60)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize("both", [False, True], ids=["shim killed", "shim and process killed"])
def test_what_was_left_behind_is_found_by_the_next_shim(keeper: Shims, tmp_path: Path, *, both: bool) -> None:
    """It is nobody's child any more, in a session of its own: the mark says whose it is."""
    begin(keeper, tmp_path, STRAY + FOREVER)
    until(lambda: log(keeper).endswith("\n"), 5.0, "it says its pid")
    stray = int(log(keeper))
    child = kill_shim(keeper)
    if both:
        os.kill(child, signal.SIGKILL)
        until(lambda: not alive(child), 5.0, "it is gone")
    assert alive(stray)
    keeper.stop("one", 1.0)
    assert keeper.wait_ended(["one"], 5.0) == []
    assert not alive(child)
    assert not alive(stray)


def stop_shim(keeper: Shims) -> dict[str, Any]:
    """Stop the shim of ``one`` (SIGSTOP); what it had written."""
    seen = phase(keeper, "running")
    os.kill(seen["shim"]["pid"], signal.SIGSTOP)
    until(lambda: identities.state(seen["shim"], seen["shim"]) == identities.STOPPED, 5.0, "it is stopped")
    return seen


def test_a_shim_that_is_stopped_is_replaced_and_its_process_goes_on(
    keeper: Shims, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shims, "HUNG_SECONDS", 0.5)
    begin(keeper, tmp_path, FOREVER)
    seen = stop_shim(keeper)
    keeper.ensure("one")
    assert alive(seen["shim"]["pid"]), "it may be let go on in a moment"
    until(lambda: not keeper.supervised(seen), 5.0, "it hangs")
    keeper.ensure("one")
    until(lambda: status(keeper)["shim"] != seen["shim"], 5.0, "another shim has it")
    assert not alive(seen["shim"]["pid"])
    assert status(keeper)["child"] == seen["child"]
    os.kill(seen["child"]["pid"], signal.SIGKILL)
    until(lambda: status(keeper)["run"] == 2 and status(keeper)["phase"] == "running", 5.0, "it runs again")


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_what_is_to_end_ends_whatever_becomes_of_its_shim(
    keeper: Shims, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Whoever waits for the end sees to it."""
    monkeypatch.setattr(shims, "HUNG_SECONDS", 0.5)
    begin(keeper, tmp_path, FOREVER)
    seen = phase(keeper, "running")
    os.kill(seen["shim"]["pid"], signal.SIGSTOP)
    keeper.stop("one", 1.0)
    os.kill(seen["shim"]["pid"], number)
    assert keeper.wait_ended(["one"], 10.0) == []
    assert not alive(seen["child"]["pid"])


def test_a_stop_is_one_signal_though_the_shim_is_killed_in_its_middle(keeper: Shims, tmp_path: Path) -> None:
    told = (
        "import os, signal\nsignal.signal(signal.SIGTERM, lambda *_: os.write(1, b'told\\n'))\nprint('up')\n"
    )
    begin(keeper, tmp_path, told + FOREVER)
    until(lambda: log(keeper) == "up\n", 5.0, "it is up")
    keeper.stop("one", 3.0)
    os.kill(phase(keeper, "stopping")["shim"]["pid"], signal.SIGKILL)
    assert keeper.wait_ended(["one"], 10.0) == []
    assert log(keeper) == "up\ntold\n"
