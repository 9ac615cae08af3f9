"""Undoing on a real cluster, as users at the gateway feel it; beside it what `kubectl rollout undo` takes.

The engine and its rules are the product's, and so is the platform; what is recorded stays in memory. 200
requests a second over kept connections, all of them through the cluster's gateway.
"""

import os
import subprocess
import sys
import time

from bench.results import Figure, quantile, spread, write
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.targets import ServiceTarget, Target
from tests.cluster.building import cache
from tests.cluster.environment import OnRealCluster, late_seconds
from tests.cluster.namespaces import kubectl, namespaced, platform
from tests.fakes.clusters import BACKEND
from tests.fakes.simulation import policy
from tests.load import Answer

PART = "Undoing on a cluster"
RATE = 200.0
EMERGENCY_MS, SWITCH_MS = 400.0, 150.0
UNDOS = 5
BETWEEN_SECONDS = 0.5
CALM_SECONDS = 4.0
"""After a rollout its old Pods finish what they have: that is waited for, lest it is measured as well."""


def main(rounds: int) -> None:
    """Begin anew in the cluster's network."""
    subprocess.run([sys.executable, "-m", "tests.cluster", "up"], check=True)
    inside = [
        sys.executable,
        "-m",
        "tests.cluster",
        "exec",
        sys.executable,
        "-m",
        "bench.cluster",
        str(rounds),
    ]
    subprocess.run(inside, check=True)


def _measure(rounds: int) -> None:
    with namespaced() as namespace, platform(namespace) as kubernetes:
        here = OnRealCluster(policy(2), kubernetes, namespace).shipped("v1", "v2")
        emergencies, answers = _emergencies(here, rounds)
        switches, more = _switches(here, rounds * 5)
    with namespaced() as namespace, platform(namespace) as kubernetes:
        here = OnRealCluster(policy(2, keep_warm=0), kubernetes, namespace).shipped("v1", "v2")
        undone = _undone(here, namespace)
    lost = [answer for answer in [*answers, *more] if answer.lost or answer.status != 200]
    sent = len(answers) + len(more)
    command = f"make bench ARGS='cluster --rounds {rounds}'"
    until = "last request sent that the bad version answered"
    figures = [
        Figure(
            f"emergency rollback to what is warm: asked of the engine → {until}",
            spread(emergencies, "ms"),
            f"p99 ≤ {EMERGENCY_MS:g} ms",
            quantile(emergencies, 0.99) <= EMERGENCY_MS,
        ),
        Figure(
            "the switch: one PATCH begun → last such request sent",
            spread(switches, "ms"),
            f"p99 ≤ {SWITCH_MS:g} ms",
            quantile(switches, 0.99) <= SWITCH_MS,
        ),
        Figure("lost requests, settling included", f"{len(lost)} of {sent}", "0", not lost),
        Figure(f"`kubectl rollout undo`: command begun → {until}", spread(undone, "ms"), "beside it", None),
    ]
    write(PART, figures, command)


def _emergencies(here: OnRealCluster, rounds: int) -> tuple[list[float], list[Answer]]:
    """v2 is left for v1, which is warm, and shipped again, so many times."""
    took, answers = [], []
    for number in range(rounds):
        with here.load(RATE) as load:
            here.tick(5)
            began = time.monotonic()
            here.emergency()
            here.settle()
            here.deploy("v2")
            shipped_again = time.monotonic()
            here.settle()
        until_then = [a for a in load.answers if a.sent < shipped_again]
        took.append(late_seconds(until_then, "v2", began) * 1000)
        answers += load.answers
        print(f"{number + 1} of {rounds}: {spread(took, 'ms')}", flush=True)
    return took, answers


def _switches(here: OnRealCluster, rounds: int) -> tuple[list[float], list[Answer]]:
    """Users go to and fro between what is stable and what is warm, and nothing else happens."""
    took: list[float] = []
    state, both = here.state.service(BACKEND), Copies(Purpose.SERVE)
    generation = here.state.generation
    with here.load(RATE) as load:
        for number in range(rounds):
            time.sleep(BETWEEN_SECONDS)
            here.kubernetes.observe()
            good, bad = ("v1", "v2") if number % 2 == 0 else ("v2", "v1")
            wanted = ServiceTarget(
                home="v2",
                stable="v2",
                copies={"v1": both, "v2": both},
                shares={good: 1, bad: 0},
                versions=state.versions,
                size=2,
            )
            generation += 1
            began = time.monotonic()
            here.kubernetes.route(Target(generation, {BACKEND: wanted}))
            time.sleep(BETWEEN_SECONDS)  # for the last answers of what was left
            took.append(late_seconds(list(load.answers), bad, began) * 1000)
    return took, list(load.answers)


def _undone(here: OnRealCluster, namespace: str) -> list[float]:
    """The same Deployment, undone by hand and shipped again by hand, where nothing is kept warm."""
    took = []
    name = f"deployment/healthcare-{BACKEND}"
    with here.load(RATE) as load:
        for _ in range(UNDOS):
            kubectl("-n", namespace, "set", "env", name, "VERSION=bad")
            kubectl("-n", namespace, "rollout", "status", name, "--timeout=120s")
            time.sleep(CALM_SECONDS)
            began = time.monotonic()
            kubectl("-n", namespace, "rollout", "undo", name)
            kubectl("-n", namespace, "rollout", "status", name, "--timeout=120s")
            time.sleep(CALM_SECONDS)  # as above
            took.append(late_seconds(list(load.answers), "bad", began) * 1000)
    return took


if __name__ == "__main__":
    os.environ.setdefault("CARELANE_CLUSTER_CACHE", str(cache()))
    _measure(int(sys.argv[1]))
