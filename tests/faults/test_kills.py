"""kill -9 of everything, at random moments and in every kind of deployment, under load."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import processes
from tests.faults import invariants
from tests.load import Load
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
KILLS = int(os.environ.get("CARELANE_KILLS", "5"))
"""In each kind of deployment: 5 in `.ci/run`, 20 in `make test-faults`."""
SEED = int(os.environ.get("CARELANE_SEED", "1"))
KINDS: dict[str, Any] = {
    "rolling": "rolling",
    "blue-green": "blue-green",
    "canary": {
        "use": "canary",
        "canary": {"steps": [{"weight": 20}, {"pause": {"seconds": 1}}, {"weight": 60}]},
    },
}


@pytest.mark.timeout(90 + 20 * KILLS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_killed_users_lose_what_was_in_flight_and_the_end_is_the_same(
    make_system: Make, kind: str
) -> None:
    generator = random.Random(f"{SEED} {kind}")  # noqa: S311 - chance, not cryptography
    system = make_system(replicas=2, strategy=KINDS[kind])
    system.shipped("v1")
    system.release("v2")
    killed: list[tuple[str, float]] = []
    with Load(system.port, rate=100, connections=16) as load:
        releases = 0
        while len(killed) < KILLS:
            releases += 1
            wanted = ("v1", "v2")[releases % 2]
            ran = system.run("deploy", "production", "--release", wanted)
            assert ran.code in {0, 5}, ran.err
            give_up = time.monotonic() + 60
            while len(killed) < KILLS and time.monotonic() < give_up and moving(system):
                killed.append(one(system, generator))
            invariants.settled(system)
    says = [f"{what} at {at - killed[0][1]:.1f} s" for what, at in killed]
    print(f"seed {SEED}, {kind}: {', '.join(says)}; {len(load.answers)} requests")  # noqa: T201 - what a failure is repeated by
    invariants.only_in_flight(load.answers, (at for what, at in killed if what in {"proxy", "instance"}))
    invariants.one_truth(system)
    invariants.at_the_end(system)


def moving(system: System) -> bool:
    return system.last_deployment()["phase"] not in invariants.ENDED


def one(system: System, generator: random.Random) -> tuple[str, float]:
    """Kill one part at random; back once the server answers and there are two to take the traffic again."""
    until(lambda: serving(system), 30, "there is somebody to take the traffic")
    time.sleep(generator.random() * 0.5)  # the moment is a part of what is drawn
    found = invariants.parts(system)
    what = generator.choice(sorted(found))
    pid = generator.choice(sorted(found[what]))
    at = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if what == "server":
        system.up()
    return what, at


def serving(system: System) -> bool:
    """Both proxies listen and hear of changes, and two of whom users get are ready: one may be killed next.

    Whom users get is what they are answered: what is meant to serve may not be in force yet. What the server
    saw last may be a moment old: who has just been killed is counted no more.
    """
    if invariants.listening(system) != 2:
        return False
    try:
        got = {system.get(system.port)["version"] for _ in range(4)}
    except OSError:
        return False
    alive = {f"pid {pid}" for pid in invariants.parts(system).get("instance", ()) if processes.alive(pid)}
    ready = [i for i in system.instances() if i["ready"] and i["label"] in got]
    return len([i for i in ready if i["place"].partition(",")[0] in alive]) >= 2
