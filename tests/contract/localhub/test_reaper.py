"""The reaper: none of what it started is left, however its parent ends."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from localhub.execution import sandbox
from tests.processes import alive
from tests.waiting import until

PARENT = """
import subprocess, sys, threading, time
def begin():
    script = "env -i setsid sleep 1000 & env -i sleep 1000 & sleep 1000 & echo they run; wait"
    command = ["/bin/sh", "-c", script]
    reaper = [sys.executable, "-I", "-S", sys.argv[1], str(__import__("os").getpid()), *command]
    running = subprocess.Popen(reaper, stdout=subprocess.PIPE, start_new_session=True)
    running.stdout.readline()
    print(running.pid, flush=True)
    time.sleep(1000)
for each in range(60):
    threading.Thread(target=begin if each == 30 else lambda: time.sleep(1000)).start()
"""
PARENTS = 25


def descendants(pid: int) -> set[int]:
    """Of a process, by the kernel's own list."""
    children = {int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()}
    return children.union(*map(descendants, children))


def has_all(reaper: int) -> bool:
    """Whether all that it is to run are there."""
    return len(descendants(reaper)) >= 4


def test_who_has_many_threads_and_is_killed_leaves_nobody() -> None:
    """Each of its threads may tell the reaper, one in the middle of another."""
    parents = [
        subprocess.Popen([sys.executable, "-c", PARENT, sandbox.REAPER], stdout=subprocess.PIPE)
        for _ in range(PARENTS)
    ]
    left: set[int] = set()
    try:
        for parent in parents:
            assert parent.stdout is not None
            reaper = int(parent.stdout.readline())
            until(partial(has_all, reaper), 15, "all of them run")
            left |= {reaper, *descendants(reaper)}
        for parent in parents:
            parent.kill()
        until(lambda: not any(alive(pid) for pid in left), 15, "all have ended")
    finally:
        for pid in left:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        for parent in parents:
            parent.kill()
            parent.communicate()


@pytest.mark.parametrize("code", [0, 3])
def test_its_exit_code_is_the_commands_and_what_it_left_has_ended(code: int) -> None:
    command = ["/bin/sh", "-c", f"setsid sleep 1000 & echo $!; exit {code}"]
    reaper = [sys.executable, "-I", "-S", sandbox.REAPER, str(os.getpid()), *command]
    done = subprocess.run(reaper, capture_output=True, timeout=30, check=False)
    assert done.returncode == code, done.stderr
    assert not alive(int(done.stdout))


@pytest.mark.parametrize("again", [False, *[True] * 10])
def test_told_to_end_however_often_it_ends_all_and_says_so(again: bool) -> None:
    """A server that is killed tells it once a thread, one in the middle of another."""
    command = ["/bin/sh", "-c", "trap '' TERM; setsid sleep 1000 & echo $!; sleep 1000"]
    reaper = [sys.executable, "-I", "-S", sandbox.REAPER, str(os.getpid()), *command]
    with subprocess.Popen(reaper, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        left = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        while again and process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not alive(left)
