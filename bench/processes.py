"""What single processes cost, as the system counts it, and small services to stand behind a proxy."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from carelane.platforms.processes.tcp_ports import free_port, is_free
from tests.systems.system import CARELANE, ENVIRONMENT, System
from tests.waiting import until


def proportional_mib(pid: int) -> float:
    """Memory of process *pid*, with what it shares divided among those that share it (PSS), in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no Pss")


def busy_seconds(pid: int) -> float:
    """Processor time that process *pid* has used; nanoseconds are counted, not ticks."""
    return (
        sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    )


def seconds(act: Callable[[], object]) -> float:
    """How long *act* takes."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


def run(system: System, *arguments: str) -> None:
    """A command as a user gives it, and no more than it: what it says is not looked at."""
    subprocess.run(
        [str(CARELANE), *arguments], cwd=system.folder, env=ENVIRONMENT, capture_output=True, check=True
    )


@contextmanager
def answering(version: str) -> Iterator[int]:
    """The port where a service of *version* answers, in a process of its own."""
    port = free_port(set())
    environment = {**os.environ, "APP_VERSION": version, "PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "tests.systems.service"], env=environment)
    try:
        until(lambda: not is_free(port), 10.0, f"{version} answers")
        yield port
    finally:
        process.kill()
        process.wait(5)
