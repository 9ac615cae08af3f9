"""What Carelane costs while it waits: start-up, commands, memory and processor time."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.processes import run, seconds
from bench.results import Figure, write
from tests.systems.system import System, free_port

PART = "Footprint"
TICKS = os.sysconf("SC_CLK_TCK")
IDLE_SECONDS = 30


def main() -> None:
    """Run, and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        more = {name: {"port": free_port()} for name in ("development", "staging")}
        system = System(Path(folder) / "bench", replicas=2, extra_environments=more)
        try:
            figures = _measure(system)
        finally:
            system.down()
    write(PART, figures, "make bench ARGS=footprint")


def _measure(system: System) -> list[Figure]:
    system.describe()
    probes = {"readiness": {"path": "/ready"}, "liveness": {"path": "/live"}}
    first = seconds(system.up)
    system.release("v1", probes=probes)
    for environment in ("development", "staging", "production"):
        system.must("deploy", environment, "--release", "v1", "--wait")
    again = []
    for _ in range(5):
        system.must("down", "--keep-running")
        again.append(seconds(system.up))
    help_ms = [seconds(lambda: run(system, "--help")) * 1000 for _ in range(15)]
    status_ms = [seconds(lambda: run(system, "status")) * 1000 for _ in range(15)]
    pid = system.server_pid()
    time.sleep(5)
    before = _ticks(pid)
    time.sleep(IDLE_SECONDS)
    busy = (_ticks(pid) - before) / TICKS / IDLE_SECONDS * 100
    server = _resident_mib(pid)
    shims = [_resident_mib(int(p)) for p in _shims(system)]
    return [
        Figure(
            "`carelane --help`, median of 15", f"{median(help_ms):.0f} ms", "≤ 150 ms", median(help_ms) <= 150
        ),
        Figure(
            "`carelane status`, median of 15",
            f"{median(status_ms):.0f} ms",
            "≤ 300 ms",
            median(status_ms) <= 300,
        ),
        Figure(
            "`carelane up --detach`, three environments: first, median of 5 later",
            f"{first:.1f} s, {median(again):.1f} s",
            "≤ 5 s",
            max(first, *again) <= 5,
        ),
        Figure(
            f"idle server over {IDLE_SECONDS} s, six instances", f"{busy:.2f} % of a core", "< 2 %", busy < 2
        ),
        Figure("server's resident memory", f"{server:.0f} MiB", "< 150 MiB", server < 150),
        Figure(
            f"a shim's resident memory, largest of {len(shims)}",
            f"{max(shims):.1f} MiB",
            "< 12 MiB",
            max(shims) < 12,
        ),
    ]


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _shims(system: System) -> list[str]:
    files = (system.folder / ".carelane" / "environments").glob("*/*/*/status.json")
    return [str(json.loads(file.read_text())["shim"]["pid"]) for file in files if "ended" not in file.parts]


if __name__ == "__main__":
    sys.exit("run `make bench ARGS=footprint`")
