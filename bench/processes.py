"""What single processes cost, as the system counts it, and small services to stand behind a proxy."""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass
class Kinds:
    """Processes by what they are."""

    pids: dict[str, list[int]] = field(default_factory=dict)

    def mib(self, kind: str) -> list[float]:
        """Memory of each of one kind."""
        return [proportional_mib(pid) for pid in self.pids.get(kind, [])]

    def busy(self) -> dict[str, float]:
        """Processor seconds of each kind until now."""
        return {kind: sum(busy_seconds(pid) for pid in pids) for kind, pids in self.pids.items()}


def kinds(system: System) -> Kinds:
    """Every process of the system, by what its folder says it is."""
    pids: dict[str, list[int]] = defaultdict(list)
    pids["server"] = [system.server_pid()]
    for file in (system.folder / ".carelane" / "environments").glob("*/*/*/status.json"):
        if "ended" in file.parts:
            continue
        status = json.loads(file.read_text())
        proxy = file.parent.parent.name == "proxies"
        kind = file.parent.name.partition("-")[0] if proxy else "service"
        if status["child"] is None or not os.path.exists(f"/proc/{status['child']['pid']}"):  # noqa: PTH110
            continue
        pids[kind].append(status["child"]["pid"])
        if os.path.exists(f"/proc/{status['shim']['pid']}"):  # noqa: PTH110
            pids["shim"].append(status["shim"]["pid"])
    return Kinds(dict(pids))


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
