"""How fast a bad version is left, and whether anything is lost on the way: 300 times, under load.

Each round replaces v1 by v2 (rolling), then leaves v2 by `carelane emergency-rollback`, while an
open-loop load of 200 requests a second on 32 connections goes through the front door. Requests come every
5 ms: a switch time below zero says that the last one to the bad version was sent before the decision.
What counts as lost and what is sent once more is the rule at the top of tests/load.py.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from bench.results import Figure, quantile, spread, write
from tests.load import Answer, Load, summary
from tests.systems.system import ENVIRONMENT, System
from tests.waiting import until

PART = "Undoing a release"


class Rounds:
    """What the rounds measured."""

    def __init__(self) -> None:
        self.command_ms: list[float] = []
        self.switch_ms: list[float] = []
        self.lost: list[Answer] = []
        self.retried = 0
        self.sent = 0

    def settle(self, answers: list[Answer], started: float, decided: float) -> None:
        """Add one round: from the command's start, and from the decision, to the last request sent to v2."""
        last = max(a.sent for a in answers if a.version == "v2")
        self.command_ms.append((last - started) * 1000)
        self.switch_ms.append((last - decided) * 1000)


def main(rounds: int = 300, restarts: int = 20) -> None:
    """Run, and write the section."""
    measured = Rounds()
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder) / "bench", replicas=2)
        try:
            system.describe()
            system.up()
            system.shipped("v1")
            system.release("v2")
            undo(system, rounds, measured)
            restarted = _restart(system, restarts)
        finally:
            system.down()
    lost = len(measured.lost)
    p50, p99 = median(measured.command_ms), quantile(measured.command_ms, 0.99)
    switch = quantile(measured.switch_ms, 0.99)
    write(
        PART,
        [
            Figure(
                "`emergency-rollback`: command started → last request sent that the bad version answered",
                spread(measured.command_ms, "ms"),
                "p50 ≤ 200, p99 ≤ 400 ms",
                p50 <= 200 and p99 <= 400,
            ),
            Figure(
                "the switch: decision made (before it is written) → last such request sent",
                spread(measured.switch_ms, "ms"),
                "p99 ≤ 25 ms",
                switch <= 25,
            ),
            Figure(
                f"lost requests over {rounds} rolling replacements and {rounds} emergency rollbacks",
                f"{lost} of {measured.sent} ({measured.retried} sent once more)",
                "0",
                lost == 0,
            ),
            Figure(
                f"lost requests over {restarts} restarts of the server",
                f"{restarted.lost} of {restarted.sent} ({restarted.retried} sent once more)",
                "0",
                restarted.lost == 0,
            ),
        ],
        f"make bench ARGS='undoing --rounds {rounds} --restarts {restarts}'",
    )


def undo(system: System, rounds: int, measured: Rounds, replaced: Callable[[], None] = lambda: None) -> None:
    """Replace v1 by v2, say that it was *replaced*, and leave v2, so many *rounds*, under load."""
    for number in range(rounds):
        with Load(system.port, rate=200, connections=32) as load:
            system.deploy("v2")
            replaced()
            until(lambda: load.answers and load.answers[-1].version == "v2", 10, "users are on v2")
            started = time.monotonic()
            deployment = _emergency(system)
            until(lambda: load.answers[-1].sent > started + 0.6, 10, "load after the switch")  # noqa: B023
        offset = time.time() - time.monotonic()
        decided = datetime.fromisoformat(deployment["created_at"]).timestamp() - offset
        measured.settle(load.answers, started, decided)
        lost = [a for a in load.answers if a.lost]
        if lost:
            after = [f"{(a.sent - started) * 1000:.0f} ms" for a in lost]
            print(f"round {number + 1}, {after} after the command: {summary(load.answers)}", flush=True)
        measured.lost += lost
        measured.retried += sum(a.retried for a in load.answers)
        measured.sent += len(load.answers)
        if rounds > 1 and (number + 1) % 25 == 0:
            print(f"{number + 1} of {rounds}: {spread(measured.command_ms, 'ms')}", flush=True)


def _emergency(system: System) -> dict[str, str]:
    done = subprocess.run(
        [str(system.carelane), "emergency-rollback", "production", "--reason", "bench", "--output", "json"],
        cwd=system.folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    deployment: dict[str, str] = json.loads(done.stdout)["deployment"]
    return deployment


@dataclass(frozen=True)
class Tally:
    """What became of the requests sent."""

    sent: int
    lost: int
    retried: int


def _restart(system: System, restarts: int) -> Tally:
    with Load(system.port, rate=200, connections=32) as load:
        for _ in range(restarts):
            system.must("down", "--keep-running")
            system.up()
    lost = [a for a in load.answers if a.lost]
    if lost:
        print(f"restarts: {summary(load.answers)}", flush=True)
    return Tally(len(load.answers), len(lost), sum(a.retried for a in load.answers))
