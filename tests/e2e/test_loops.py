"""Nothing that happens to the server's own log ends a loop, and a loop whose steps fail is told."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]


def test_a_server_whose_log_nobody_reads_any_more_says_what_fails_and_goes_on(make_system: Make) -> None:
    """As after `carelane up 2>&1 | head -1`: each report of an error finds nobody."""
    system = make_system(up=False)
    server = system.up_in_front(subprocess.DEVNULL, subprocess.PIPE)
    assert server.stderr is not None
    assert server.stderr.readline()
    server.stderr.close()
    until(system.client().answers, 30, "the server answers")
    instances = system.folder / ".carelane" / "environments" / "production" / "instances"
    instances.rename(instances.with_name("aside"))
    instances.write_text("no folder: nothing can be seen in it")
    until(lambda: system.run("status").code == 6, 30, "it is told that the environment's loop fails")
    told = system.run("status").err
    assert "engine of production: its last " in told
    assert "NotADirectoryError" in told
    instances.unlink()
    instances.with_name("aside").rename(instances)
    system.shipped("v1")
    assert system.run("status").code == 0
    assert system.run("down").code == 0
    server.wait(30)


def test_localhub_returns(make_system: Make) -> None:
    """It is killed with what keeps it, and later hangs."""
    system = make_system(extra_settings={"pipeline": {"repository": "acme/app"}})
    folder = system.folder / ".carelane" / "pipeline-processes" / "localhub"

    def is_running() -> dict[str, Any]:
        status: dict[str, Any] = json.loads((folder / "status.json").read_text())
        return status

    first = is_running()
    os.kill(first["shim"]["pid"], signal.SIGKILL)
    os.kill(first["child"]["pid"], signal.SIGKILL)
    until(lambda: is_running()["child"] not in (None, first["child"]), 30, "it runs again")
    until(lambda: "serves" in (folder / f"run-{is_running()['run']}.log").read_text(), 60, "it serves")
    until(lambda: system.run("status").code == 0, 60, "it answers")
    pid = is_running()["child"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: "localhub does not answer" in system.run("status").err, 90, "it hangs, and that is told")
    os.kill(pid, signal.SIGCONT)
    until(lambda: system.run("status").code == 0, 60, "it answers again")
