"""Nothing that happens to the server's own log ends a loop, and a loop whose steps fail is told."""

import subprocess
from collections.abc import Callable

from tests.systems.system import CARELANE, ENVIRONMENT, System
from tests.waiting import until

Make = Callable[..., System]


def test_a_server_whose_log_nobody_reads_any_more_says_what_fails_and_goes_on(make_system: Make) -> None:
    """As after `carelane up 2>&1 | head -1`: each report of an error finds nobody."""
    system = make_system(up=False)
    server = subprocess.Popen(
        [str(CARELANE), "up"],
        cwd=system.folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
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
