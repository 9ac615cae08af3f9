"""What a shim does for its process, on real processes."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.platforms.processes.shims import Shims
from tests.contract import processes
from tests.contract.processes import FOREVER, spec
from tests.contract.shims import alive, begin, log, phase, status
from tests.disks import mounted
from tests.waiting import until

SMALL_BYTES = 25 << 19


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Shims]:
    with processes.shims(tmp_path / "shims") as made:
        yield made


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
    assert fourth - third >= 0.7  # the third pause: 0.2, 0.4, 0.8
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


def test_a_stop_is_one_signal_to_each(keeper: Shims, tmp_path: Path) -> None:
    """To the process, to its child in the same group, and to one that went into a session of its own."""
    counting = (
        "import os, signal, sys, time\n"
        "def told(*_):\n"
        "    os.write(1, f'told {who}\\n'.encode())\n"
        "who = 'itself'\n"
        "signal.signal(signal.SIGTERM, told)\n"
        "if os.fork() == 0:\n"
        "    who = 'child'\n"
        "    if os.fork() == 0:\n"
        "        who = 'apart'\n"
        "        os.setsid()\n"
        "os.write(1, f'up {who}\\n'.encode())\n" + FOREVER
    )
    begin(keeper, tmp_path, counting)
    until(lambda: log(keeper).count("up") == 3, 5.0, "all three are up")
    keeper.stop("one", 1.0)
    phase(keeper, "exited")
    assert sorted(line for line in log(keeper).splitlines() if "told" in line) == [
        "told apart",
        "told child",
        "told itself",
    ]


def test_a_process_that_does_not_stop_is_killed_after_its_grace(keeper: Shims, tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up')\n" + FOREVER
    begin(keeper, tmp_path, program)
    until(lambda: log(keeper) == "up\n", 5.0, "it is up")
    asked = time.monotonic()
    keeper.stop("one", 0.5)
    phase(keeper, "stopping")
    assert phase(keeper, "exited")["exit_code"] == -9
    assert time.monotonic() - asked >= 0.5


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


STRAY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {more}
        print(os.getpid(), flush=True)
        while True: time.sleep(60)
    os._exit(0)
os.wait()
{then}
"""
"""Leaves behind what has a session, a group and a parent of its own."""
CLEARED = "if len(sys.argv) < 2: os.execve(sys.executable, [sys.executable, '-ISuc', STAYING, 'again'], {})"
STAYING = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def stray_of(keeper: Shims, run: int = 1) -> int:
    """The pid of what a run left behind, once it says so."""
    until(lambda: log(keeper, run).endswith("\n"), 5.0, "it says its pid")
    return int(log(keeper, run).split()[0])


@pytest.mark.parametrize(
    "more", ["pass", CLEARED.replace("STAYING", repr(STAYING))], ids=["marked", "unmarked"]
)
def test_what_went_into_a_session_of_its_own_ends_with_it(keeper: Shims, tmp_path: Path, more: str) -> None:
    """Whether or not it still carries its mark: it has become the shim's own child."""
    begin(keeper, tmp_path, STRAY.format(more=more, then=FOREVER))
    stray = stray_of(keeper)
    assert alive(stray)
    keeper.stop("one", 1.0)
    assert keeper.wait_ended(["one"], 5.0) == []
    assert not alive(stray)


def test_what_a_run_left_behind_is_gone_before_the_next(keeper: Shims, tmp_path: Path) -> None:
    """The first run ends once its stray has said who it is; the second says whether that one still runs."""
    first = tmp_path / "first"
    program = (
        f"import os\nfirst = {str(first)!r}\n"
        "if os.path.exists(first):\n"
        "    print('there' if os.path.exists(f'/proc/{open(first).read()}') else 'gone', flush=True)\n"
        "    while True: __import__('time').sleep(60)\n"
        "told, tell = os.pipe()\n"
    )
    more = "open(first, 'w').write(str(os.getpid())); os.write(tell, b'.')"
    begin(keeper, tmp_path, program + STRAY.format(more=more, then="os.read(told, 1); raise SystemExit(1)"))
    until(lambda: log(keeper, 2).endswith("\n"), 10.0, "it is started again")
    assert log(keeper, 2) == "gone\n"
    assert not alive(int(first.read_text()))


def test_what_lost_its_parent_and_ends_leaves_no_zombie(keeper: Shims, tmp_path: Path) -> None:
    begin(keeper, tmp_path, STRAY.format(more="print(os.getpid()); os._exit(0)", then=FOREVER))
    stray = stray_of(keeper)
    until(lambda: not Path(f"/proc/{stray}").exists(), 5.0, "somebody has waited for it")


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


def test_who_prints_without_end_fills_no_disk_and_goes_on(keeper: Shims, tmp_path: Path) -> None:
    """As fast as it can, until its shim says that it has left something out; and its last words are there."""
    program = (
        "import os, time\n"
        "mine = os.open('/proc/self/fd/1', os.O_RDONLY)\n"
        "while b'[carelane:' not in os.pread(mine, 1 << 16, 0): os.write(1, b'x' * 1023 + b'\\n')\n"
        "while os.fstat(1).st_size > 512 << 10: time.sleep(0.01)\n"
        "print('the end')\n" + FOREVER
    )
    begin(keeper, tmp_path, program, log_bytes=1 << 20)
    folder = keeper.folder("one")
    until(lambda: "the end\n" in log(keeper), 15.0, "it has said its last")
    assert "bytes of this log were left out]" in log(keeper, suffix=".1") + log(keeper)
    assert (folder / "run-1.log.1").stat().st_size <= 1 << 20


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
    begin(keeper, tmp_path, program, log_bytes=32 << 10)
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


# -- a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own."""
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


def test_on_a_full_disk_what_ends_is_started_again_and_adopted(small_disk: Path, tmp_path: Path) -> None:
    with processes.shims(small_disk / "shims") as keeper:
        begin(keeper, tmp_path, "import os\ntry: os.write(1, b'up\\n')\nexcept OSError: pass\n" + FOREVER)
        phase(keeper, "running")
        until(lambda: log(keeper) == "up\n", 5.0, "it has said who it is")
        filling = small_disk / "filling"
        with contextlib.suppress(OSError):
            filling.write_bytes(b"x" * (2 << 20))
        for run in (2, 3, 4):
            os.kill(status(keeper)["child"]["pid"], signal.SIGKILL)
            until(lambda run=run: status(keeper)["run"] == run, 10.0, "it is started again")  # type: ignore[misc]
            until(lambda: keeper.running(status(keeper)), 5.0, "it runs")
        seen = phase(keeper, "running")
        os.kill(seen["shim"]["pid"], signal.SIGKILL)
        until(lambda: not keeper.supervised(seen), 5.0, "the shim is gone")
        keeper.ensure("one")
        until(lambda: keeper.supervised(status(keeper)), 5.0, "another has it")
        assert (status(keeper)["run"], status(keeper)["child"]) == (4, seen["child"])
        kept = {
            "child.json",
            "child.json.spare",
            "shim.lock",
            "spec.json",
            "status.json",
            "status.json.spare",
        }
        assert {path.name for path in keeper.folder("one").iterdir() if path.name[:4] != "run-"} == kept
        filling.unlink()
