"""Ending: a server in the foreground, and what a server left running that is not there any more."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from tests.systems.system import System
from tests.waiting import until


def running(system: System) -> set[int]:
    """The processes that were started by shims below this system."""
    mark = f"CARELANE_FOLDER={system.folder}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(part.startswith(mark) for part in (folder / "environ").read_bytes().split(b"\0")):
                found.add(int(folder.name))
    return found


def test_a_server_in_the_foreground_ends_cleanly_at_ctrl_c(system: System) -> None:
    system.shipped("v1")
    system.must("down", "--keep-running")
    server = system.up_in_front(subprocess.PIPE, subprocess.STDOUT)
    until(lambda: system.run("status").code == 0, 20, "it is up")
    server.send_signal(signal.SIGINT)
    said = server.communicate(timeout=20)[0].decode()
    assert server.returncode == 0, said
    assert "Traceback" not in said
    assert "ended" in said.splitlines()[-1]
    assert system.get(system.port)["version"] == "v1", "what it ran goes on"


def test_down_without_a_server_and_with_a_broken_file_ends_what_was_left_running(system: System) -> None:
    system.shipped("v1")
    os.kill(system.server_pid(), signal.SIGKILL)
    until(lambda: system.run("status").code == 6, 10, "the server is gone")
    whole = (system.folder / "carelane.yaml").read_text()
    (system.folder / "carelane.yaml").write_text("system: [")
    assert running(system)
    assert "everything that it had left running has ended" in system.must("down")
    assert not running(system)
    assert "ended" in system.must("down"), "once more is no mistake"
    (system.folder / "carelane.yaml").write_text(whole)
    system.up()
    until(lambda: system.service()["ready"] == 2, 20, "what is recorded is started again")
    kept = system.run("down", "--keep-running")
    assert kept.code == 0


def test_without_a_server_there_is_nothing_to_keep_running(system: System) -> None:
    os.kill(system.server_pid(), signal.SIGKILL)
    until(lambda: system.run("status").code == 6, 10, "the server is gone")
    assert system.run("down", "--keep-running").code == 6
