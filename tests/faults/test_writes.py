"""A disk that is full at the N-th write of whoever writes: by strace, so that N means the same every time."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults import invariants
from tests.load import Load, summary
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
FIRST = [int(n) for n in os.environ.get("CARELANE_WRITES", "1,4,9,20").split(",")]
"""Which write is the first that fails: four of them in `.ci/run`, forty in `make test-faults`."""
FAILING = 40
MADE_BY_ALL = 20
"""So many writes at least has each deployment; a fast one may be over before some later one."""
REFUSED = 3
CALLS = "pwrite64,write,fsync,fdatasync,ftruncate,mkdir,mkdirat"


@contextmanager
def full_from(pid: int, first: int, to: int, said: Path) -> Iterator[None]:
    """Writes number *first* to *to* of each thread of *pid*, and of all that it starts, find no room."""
    command = [
        *("strace", "--quiet=all", "-f", "-o", str(said), "-p", str(pid)),
        *("-e", f"trace={CALLS}", "-e", f"inject={CALLS}:error=ENOSPC:when={first}..{to}"),
    ]
    tracing = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        until(lambda: traced(pid) or tracing.poll() is not None, 10, "strace is there")
        assert tracing.poll() is None, tracing.stderr.read().decode() if tracing.stderr else ""
        yield
    finally:
        tracing.terminate()
        tracing.communicate(timeout=10)


def refused(said: Path) -> int:
    """How many writes found no room."""
    return said.read_text().count("(INJECTED)")


def traced(pid: int) -> bool:
    """Whether somebody traces the process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in lines)


@pytest.fixture(autouse=True)
def _strace() -> None:
    assert shutil.which("strace"), "NOT RUN: apt-get install strace"


@pytest.mark.timeout(60 + 20 * len(FIRST))
def test_wherever_the_disk_is_full_nothing_is_lost_and_nobody_is_told_what_is_not(
    make_system: Make, tmp_path: Path
) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=50, connections=8) as load:
        for number, first in enumerate(FIRST):
            wanted = ("v2", "v1")[number % 2]
            with full_from(system.server_pid(), first, first + FAILING, tmp_path / f"{number}.strace"):
                ran = system.run("deploy", "production", "--release", wanted, "--wait", timeout=90)
            some = refused(tmp_path / f"{number}.strace") > 0
            assert some or first > MADE_BY_ALL, "nothing was refused: this shows nothing"
            assert ran.code in {0, 6, 10}, f"from write {first}: exit {ran.code}: {ran.err}"
            assert "Traceback" not in ran.err
            assert system.run("status").code in {0, 6}, "the server is there"
            invariants.settled(system)
            if ran.code == 0:
                assert system.environment()["release"] == wanted
            invariants.one_truth(system)
            if system.environment()["release"] != wanted:
                system.deploy(wanted)
    assert [a for a in load.answers if a.lost] == [], summary(load.answers)
    until(lambda: system.run("status").code == 0, 30, "nothing fails any more")
    invariants.at_the_end(system)


@pytest.mark.timeout(60 + 20 * len(FIRST))
def test_a_disk_that_fills_while_a_deployment_is_under_way_holds_it_up_and_no_more(
    make_system: Make, tmp_path: Path
) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=50, connections=8) as load:
        for number, first in enumerate(FIRST):
            said = tmp_path / f"{number}.strace"
            system.must("deploy", "production", "--release", ("v2", "v1")[number % 2])
            with full_from(system.server_pid(), first, first + FAILING, said):
                until(lambda s=said: refused(s) >= REFUSED or ended(system), 30, "writes are refused")  # type: ignore[misc]
            system.until_phase("Succeeded", 60)
            invariants.settled(system)
            invariants.one_truth(system)
    assert [a for a in load.answers if a.lost] == [], summary(load.answers)
    assert sum(refused(tmp_path / f"{number}.strace") for number in range(len(FIRST))) >= REFUSED
    invariants.at_the_end(system)


def ended(system: System) -> bool:
    """Whether the last deployment has ended, as far as that can be asked on a full disk."""
    return bool(system.last_deployment()["phase"] in invariants.ENDED)
