"""What hangs, and what has no descriptors left."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.faults import invariants
from tests.load import Load, summary
from tests.systems.system import CARELANE, ENVIRONMENT, System
from tests.waiting import until

Make = Callable[..., System]


def test_a_server_that_is_stopped_costs_nobody_a_request_and_goes_on_where_it_was(make_system: Make) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=100, connections=16) as load:
        system.must("deploy", "production", "--release", "v2")
        pid = system.server_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            stuck = system.run("status", timeout=90)
            assert stuck.code == 6
            assert str(pid) in stuck.err or "no sign of life" in stuck.err, stuck.err
        finally:
            os.kill(pid, signal.SIGCONT)
        system.until_phase("Succeeded")
        invariants.settled(system)
    assert [a for a in load.answers if a.lost] == [], summary(load.answers)
    invariants.one_truth(system)
    invariants.trail_without_gaps(system)


@pytest.mark.parametrize("what", ["proxy", "discovery"])
def test_what_is_stopped_at_the_front_door_is_an_entry_and_replaced(make_system: Make, what: str) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    pid = invariants.parts(system)[what][0]
    os.kill(pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    with Load(system.port, rate=50, connections=16) as load:
        until(lambda: system.run("status").code == 6, 30, "it is a failing status")
        until(lambda: {*invariants.parts(system).get(what, [])} - {pid}, 30, "there is another process")
        until(lambda: pid not in invariants.parts(system)[what], 30, "and that one is gone")
        until(lambda: system.run("status").code == 0, 40, "all is well")
    entries = system.client().get("/events/list", after=0, limit=1000)
    acts = [e["entry"]["act"] for e in entries if e["entry"]["act"].startswith("proxy.")]
    assert acts == ["proxy.failing", "proxy.recovered"]
    held = [a for a in load.answers if a.ended - a.sent > 1.0 or a.lost]
    assert all(a.sent < stopped_at + 20 for a in held), summary(held)
    if what == "discovery":
        assert held == [], "users do not notice"


def test_with_256_descriptors_everything_works_and_with_fewer_it_is_said(make_system: Make) -> None:
    system = make_system(up=False, replicas=2)

    def limited(most: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(CARELANE), *arguments],
            cwd=system.folder,
            env=ENVIRONMENT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    few = limited(200, "up", "--detach")
    assert (few.returncode, "ulimit -n 256" in few.stderr) == (2, True), few.stderr
    assert limited(256, "up", "--detach").returncode == 0
    system.shipped("v1")
    with Load(system.port, rate=100, connections=32) as load:
        system.release("v2")
        system.deploy("v2")
        assert system.run("emergency-rollback", "production", "--reason", "few descriptors").code == 0
    assert [a for a in load.answers if a.lost] == [], summary(load.answers)
