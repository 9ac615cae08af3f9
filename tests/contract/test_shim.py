"""What a shim does for its process, on real processes."""

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

from carelane.platforms.processes import identities
from carelane.platforms.processes.shim import boot_id, start_time
from carelane.platforms.processes.shims import SHIM, Shims
from tests.contract import processes
from tests.contract.processes import FOREVER, spec
from tests.waiting import until

SMALL_BYTES = 12 << 20


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Shims]:
    with processes.shims(tmp_path / "shims") as made:
        yield made


def status(keeper: Shims, name: str = "one") -> dict[str, Any]:
    return keeper.status(name) or {}


def phase(keeper: Shims, wanted: str, name: str = "one") -> dict[str, Any]:
    """The status once it says *wanted*."""
    until(lambda: status(keeper, name).get("phase") == wanted, 10.0, f"{name} is {wanted}")
    return status(keeper, name)


def begin(keeper: Shims, tmp_path: Path, program: str, *arguments: str, **more: Any) -> None:  # noqa: ANN401
    keeper.write("one", spec(tmp_path, program, *arguments, **more))
    keeper.ensure("one")


def log(keeper: Shims, run: int = 1, suffix: str = "") -> str:
    path = keeper.folder("one") / f"run-{run}.log{suffix}"
    return path.read_text() if path.exists() else ""


def alive(pid: int) -> bool:
    return start_time(pid) is not None


# -- exit codes and restarts


def test_the_exit_code_of_a_task_is_kept(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, "print('done'); raise SystemExit(7)", once=True)
    ended = phase(keeper, "exited")
    assert ended["exit_code"] == 7
    assert ended["run"] == 1
    assert log(keeper) == "done\n"


def test_a_task_that_has_ended_is_not_run_again_by_a_second_shim(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, "raise SystemExit(7)", once=True)
    phase(keeper, "exited")
    until(lambda: not keeper.supervised(status(keeper)), 5.0, "the shim has left")
    keeper.ensure("one")
    until(lambda: not keeper.names() or not keeper._children, 5.0, "the second shim has left")
    assert status(keeper)["run"] == 1
    assert status(keeper)["exit_code"] == 7


def test_a_process_that_a_signal_ended_has_its_negative_number(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, "import os; os.kill(os.getpid(), 9)", once=True)
    assert phase(keeper, "exited")["exit_code"] == -9


def test_a_process_that_ends_is_started_again_later_and_later_and_counted(
    keeper: Shims, tmp_path: Path
) -> None:
    begin(keeper, tmp_path, "import time; print(time.monotonic()); raise SystemExit(1)")
    until(lambda: status(keeper).get("recent", 0) >= 4, 10.0, "it has ended four times")
    keeper.stop("one", 1.0)
    seen = status(keeper)
    assert seen["restarts"] == seen["recent"] >= 4
    assert seen["exit_code"] == 1
    third, fourth = (float(log(keeper, run)) for run in (3, 4))
    assert 0.7 <= fourth - third < 2.0  # the third pause: 0.2, 0.4, 0.8
    assert log(keeper, 1) == ""  # the log of a run too long ago is gone


def test_a_command_that_is_not_there_says_so_in_its_log(keeper: Shims, tmp_path: Path) -> None:
    keeper.write("one", {**spec(tmp_path, ""), "command": ["no-such-program"], "once": True})
    keeper.ensure("one")
    assert phase(keeper, "exited")["exit_code"] == 127
    assert "cannot start no-such-program: " in log(keeper)


# -- stopping


def test_a_process_told_to_stop_may_finish(keeper: Shims, tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('finishing'), sys.exit(5)))\n"
        "print('up')\n" + FOREVER
    )
    begin(keeper, tmp_path, program)
    until(lambda: log(keeper) == "up\n", 5.0, "it is up")
    keeper.stop("one", 5.0)
    assert phase(keeper, "exited")["exit_code"] == 5
    assert log(keeper) == "up\nfinishing\n"


def test_a_process_that_does_not_stop_is_killed_after_its_grace(keeper: Shims, tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up')\n" + FOREVER
    begin(keeper, tmp_path, program)
    until(lambda: log(keeper) == "up\n", 5.0, "it is up")
    asked = time.monotonic()
    keeper.stop("one", 0.5)
    phase(keeper, "stopping")
    assert phase(keeper, "exited")["exit_code"] == -9
    assert 0.5 <= time.monotonic() - asked < 3.0


def test_what_the_process_started_ends_with_it(keeper: Shims, tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid)\n" + FOREVER
    )
    begin(keeper, tmp_path, program)
    until(lambda: log(keeper).endswith("\n"), 5.0, "it says its child's pid")
    child = int(log(keeper))
    assert alive(child)
    keeper.stop("one", 1.0)
    phase(keeper, "exited")
    until(lambda: not alive(child), 5.0, "the child is gone")


def test_a_stop_that_comes_before_the_shim_lets_nothing_start(keeper: Shims, tmp_path: Path) -> None:
    keeper.write("one", spec(tmp_path, FOREVER))
    keeper.stop("one", 1.0)
    keeper.ensure("one")
    assert phase(keeper, "exited")["run"] == 0


def test_a_stop_while_it_waits_to_start_again_is_heeded(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, "raise SystemExit(1)")
    until(lambda: status(keeper).get("recent", 0) >= 3, 10.0, "it has ended three times")
    phase(keeper, "backoff")
    keeper.stop("one", 1.0)
    phase(keeper, "exited")


# -- the shim itself is killed


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


# -- limits, logs, secrets, size


def test_a_process_beyond_its_memory_limit_is_killed_and_the_status_says_why(
    keeper: Shims, tmp_path: Path
) -> None:
    program = "held = bytearray(64 << 20)\n" + FOREVER
    begin(keeper, tmp_path, program, limits={"memory_bytes": 32 << 20})
    until(lambda: status(keeper).get("exit_code") == -9, 5.0, "it is killed")
    assert "memory: " in status(keeper)["because"]
    assert status(keeper)["because"].endswith(f"bytes resident, limit {32 << 20}")


def test_the_limit_of_open_files_holds(keeper: Shims, tmp_path: Path) -> None:
    program = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    begin(keeper, tmp_path, program, limits={"open_files": 64}, once=True)
    phase(keeper, "exited")
    assert log(keeper) == "(64, 64)\n"


def test_a_log_that_has_grown_too_long_is_put_aside_and_no_line_is_lost(
    keeper: Shims, tmp_path: Path
) -> None:
    """A burst before the patrol comes by, then one after it: both are there, in order."""
    program = (
        "import os, time\n"
        "for n in range(2000): print(f'line {n:06}')\n"
        "while os.fstat(1).st_size: time.sleep(0.01)\n"
        "for n in range(2000, 2100): print(f'line {n:06}')\n" + FOREVER
    )
    begin(keeper, tmp_path, program, log_bytes=4096)
    until(lambda: "line 002099\n" in log(keeper), 10.0, "it has printed everything")
    whole = log(keeper, suffix=".1") + log(keeper)
    assert whole.splitlines() == [f"line {n:06}" for n in range(2100)]


def test_a_secret_reaches_the_process_but_not_the_disk(keeper: Shims, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    place = tmp_path / "secrets" / "key"
    place.write_text("correct horse\n")
    secrets = {"KEY": {"file": str(place), "variable": None, "version": 1}}
    program = "import os, hashlib; print(hashlib.sha256(os.environ['KEY'].encode()).hexdigest())\n" + FOREVER
    begin(keeper, tmp_path, program, secrets=secrets)
    until(lambda: log(keeper).endswith("\n"), 5.0, "it has its secret")
    import hashlib

    assert log(keeper).strip() == hashlib.sha256(b"correct horse").hexdigest()
    for path in keeper.root.rglob("*"):
        assert path.is_dir() or b"correct horse" not in path.read_bytes()


def test_what_a_shim_writes_is_its_users_alone(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, FOREVER)
    phase(keeper, "running")
    for name in ("status.json", "shim.lock", "run-1.log"):
        assert (keeper.folder("one") / name).stat().st_mode & 0o077 == 0


def test_a_shim_is_small(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, FOREVER)
    pid = phase(keeper, "running")["shim"]["pid"]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") < SMALL_BYTES
