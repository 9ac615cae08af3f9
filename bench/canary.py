"""Canary and blue-green on real processes and Envoy: fair, caught, passed, switched, and nothing lost."""

import itertools
import json
import random
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from bench.results import Figure, quantile, spread, write
from tests.load import Answer, Load, summary
from tests.systems.healthcare import Healthcare
from tests.systems.system import System
from tests.waiting import until

PART = "Canary and blue-green"
RATE = 200.0
CAUGHT = 0.2


class Bench:
    """What was sent and lost, over all parts."""

    def __init__(self) -> None:
        self.sent = 0
        self.lost: list[Answer] = []

    def count(self, load: Load) -> None:
        """Add a load that has ended."""
        lost = [a for a in load.answers if a.lost]
        if lost:
            print(summary(load.answers), flush=True)
        self.sent += len(load.answers)
        self.lost += lost


def main(trials: int = 20, caught: int = 10) -> None:
    """Run, and write the section."""
    figures: list[Figure] = []
    for part, number in PARTS:
        figures += part(number or (trials if part in {_fair, _passed} else caught))
        print(figures[-1].row(), flush=True)
    write(PART, figures, f"make bench ARGS='canary --trials {trials} --caught {caught}'")


def _system(folder: str, strategy: object) -> System:
    system = System(Path(folder) / "bench", replicas=2, strategy=strategy)
    system.describe()
    system.up()
    return system


def _within(
    steps: list[dict[str, Any]] | None, do: Callable[[System], list[Figure]], strategy: object = None
) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        system = _system(folder, strategy or {"canary": {"steps": steps, "on_inconclusive": "abort"}})
        try:
            return do(system)
        finally:
            system.down()


class Crowd:
    """A third of all requests from one user, a third from known users, a third from new ones."""

    def __init__(self) -> None:
        self._heavy = f"carelane={uuid.uuid4()}"
        self._known = [f"carelane={uuid.uuid4()}" for _ in range(500)]
        self._turns = itertools.count()

    def cookie(self) -> str | None:
        """Who asks next."""
        known = random.choice(self._known)  # noqa: S311 - chance, not cryptography
        return (self._heavy, known, None)[next(self._turns) % 3]


def _fair(trials: int) -> list[Figure]:
    """A/A: both versions alike, an instance of each failing half its tries, retries, one heavy user."""
    verdicts: Counter[str] = Counter()
    differ = 0
    counted = 0

    def trial(system: System, number: int) -> None:
        nonlocal differ, counted
        system.release(f"v{number}", "cut:0.5")
        with Load(system.port, rate=RATE, cookie=Crowd().cookie) as load:
            system.must("deploy", "production", "--release", f"v{number}")
            until(
                lambda: sum(a.version == f"v{number}" for a in load.answers) > 400, 60, "the canary has 400"
            )
        deployment = system.last_deployment()
        time.sleep(2.5)  # the meter's next look, and one more
        (run,) = system.client().get(f"/deployments/{deployment['id']}/analyses")
        verdicts[run["evidence"]["verdict"]] += 1
        seen = [a for a in load.answers if a.version == f"v{number}"]
        counts = [w["canary"] for w in run["windows"]]
        asked = (len(seen), sum((a.status or 0) >= 500 for a in seen))
        got = (sum(c["requests"] for c in counts), sum(c["errors"] for c in counts))
        differ += asked != got
        counted += asked[0]
        if asked != got:
            print(f"trial {number}: users saw {asked}, counted {got}", flush=True)
        system.must("rollout", "promote", "production", "--full", "--wait")

    def do(system: System) -> list[Figure]:
        system.release("v0", "cut:0.5")
        system.deploy("v0")
        for number in range(1, trials + 1):
            trial(system, number)
        return [
            Figure(
                f"A/A trials of {trials} judged worse (retries, a flaky instance each, one user a third)",
                str(verdicts["fail"]),
                "0",
                verdicts["fail"] == 0,
            ),
            Figure(
                "A/A trials where the counts differ from what users saw",
                f"{differ} ({counted} canary requests)",
                "0",
                differ == 0,
            ),
        ]

    # Both instances of the canary are needed, or the flaky one would have nobody to make up for it.
    return _within([{"weight": 51}, {"pause": {}}], do)


def _share(users: int) -> list[Figure]:
    """The share of users a weight of 10 % gets."""

    def do(system: System) -> list[Figure]:
        system.shipped("v0")
        system.release("v1")
        system.must("deploy", "production", "--release", "v1")
        system.until_phase("Paused")
        got = Counter(system.users(users).versions())
        share = got["v1"] / users
        return [
            Figure(
                f"share of {users} users at weight 10 %",
                f"{share:.2%}",
                "9 to 11 %",
                abs(share - 0.1) <= 0.01,
            )
        ]

    return _within([{"weight": 10}, {"pause": {}}], do)


def _switched(changes: int) -> list[Figure]:
    bench, switches = Bench(), 20

    def weights(system: System) -> list[Figure]:
        system.shipped("v0")
        done = 0
        for number in itertools.count(1):
            system.release(f"v{number}")
            with Load(system.port, rate=RATE) as load:
                system.deploy(f"v{number}")
            bench.count(load)
            done += 10
            if done >= changes:
                return []
        return []

    steps = [step for w in range(10, 100, 10) for step in ({"weight": w}, {"pause": {"seconds": 0.3}})]
    _within(steps, weights)
    lost, sent = len(bench.lost), bench.sent
    other = Bench()

    def blue_green(system: System) -> list[Figure]:
        system.shipped("v0")
        for number in range(1, switches + 1):
            system.release(f"v{number}")
            with Load(system.port, rate=RATE) as load:
                system.deploy(f"v{number}")
            other.count(load)
        return []

    _within(None, blue_green, strategy={"blue_green": {"check": {"path": "/health"}}})
    return [
        Figure(f"lost over {changes} weight changes at full load", f"{lost} of {sent}", "0", lost == 0),
        Figure(
            f"lost over {switches} blue-green switches at full load",
            f"{len(other.lost)} of {other.sent}",
            "0",
            not other.lost,
        ),
    ]


def _left(caught: int) -> list[Figure]:
    """From the verdict to the last request sent that the canary answered."""
    took: list[float] = []
    rounds = 3 * caught

    def do(system: System) -> list[Figure]:
        system.shipped("v0")
        for number in range(1, rounds + 1):
            system.release(f"v{number}", f"errors:{CAUGHT}")
            with Load(system.port, rate=RATE) as load:
                system.deploy(f"v{number}", expect=10)
                until(lambda: len(load.answers) > 0, 5, "answers")
                ended = time.monotonic()
                until(lambda: load.answers[-1].sent > ended + 0.5, 10, "load after the end")  # noqa: B023
            deployment = system.last_deployment()
            offset = time.time() - time.monotonic()
            aborted = next(
                e["entry"]["at"]
                for e in (json.loads(line) for line in system.must("events", "-o", "json").splitlines())
                if e["entry"]["act"] == "deployment.aborting"
                and e["entry"]["subject"] == str(deployment["id"])
            )
            decided = datetime.fromisoformat(aborted).timestamp() - offset
            last = max(a.sent for a in load.answers if a.version == f"v{number}")
            took.append((last - decided) * 1000)
        p99 = quantile(took, 0.99)
        return [
            Figure(
                "verdict (before it is written) → last request sent that the canary answered",
                spread(took, "ms"),
                "p99 ≤ 25 ms",
                p99 <= 25,
            )
        ]

    return _within([{"weight": 25}, {"analysis": {"seconds": 120}}], do)


def _passed(trials: int) -> list[Figure]:
    seconds: list[float] = []

    def do(system: System) -> list[Figure]:
        system.shipped("v0")
        for number in range(1, trials + 1):
            system.release(f"v{number}")
            with Load(system.port, rate=RATE):
                system.run("deploy", "production", "--release", f"v{number}", "--wait", timeout=180)
            deployment = system.last_deployment()
            if deployment["phase"] == "Succeeded":
                began, ended = (datetime.fromisoformat(deployment[k]) for k in ("created_at", "finished_at"))
                seconds.append((ended - began).total_seconds())
        return [
            Figure(
                f"healthy releases that pass, of {trials} ({RATE:g} requests/s, canary 25 %)",
                f"{len(seconds)}, median {median(seconds):.1f} s from asked to stable" if seconds else "0",
                str(trials),
                len(seconds) == trials,
            )
        ]

    return _within([{"weight": 25}, {"analysis": {"seconds": 120}}], do)


def _caught(runs: int) -> list[Figure]:
    """The healthcare system under its staff's traffic, 10 % canary: two faults, each caught by itself."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        system = Healthcare(Path(folder) / "healthcare")
        _slower(system)
        system.carelane("up", "--detach")
        try:
            for release in ("v1.0", "v3.0", "slow"):
                system.carelane("release", "create", "--commit", release)
            system.carelane("deploy", "production", "--release", "v1.0", "--wait")
            with system.traffic("production", rate=60) as seconds:
                until(lambda: sum(_requests(s) for s in seconds) > 1200, 90, "stable has a history")
                for release, fault in (("v3.0", "5 % errors"), ("slow", "30 % of requests 800 ms late")):
                    figures += _catching(system, release, fault, runs, seconds)
        finally:
            system.down()
    return figures


def _slower(system: Healthcare) -> None:
    """A commit whose backend answers three requests in ten 800 ms late."""
    file = system.folder / "carelane.yaml"
    policy = file.read_text()
    system.shell(["git", "stash", "--quiet"])
    system.shell(["git", "checkout", "--quiet", "v1.0"])
    document = yaml.safe_load(file.read_text())
    document["services"]["backend"]["environment"]["HEALTHCARE_FAULT"] = "latency:800ms:0.3"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    name = ["-c", "user.name=Bench", "-c", "user.email=bench@carelane.example"]
    system.shell(["git", *name, "commit", "--quiet", "--all", "--message", "slow"])
    system.shell(["git", "tag", "slow"])
    system.shell(["git", "checkout", "--quiet", "main"])
    file.write_text(policy)


def _requests(second: dict[str, Any]) -> int:
    return sum(sum(statuses.values()) for statuses in second["versions"].values())


def _catching(
    system: Healthcare, release: str, fault: str, runs: int, seconds: list[dict[str, Any]]
) -> list[Figure]:
    took, errors, requests, caught = [], [], [], 0
    for _ in range(runs):
        before = len(seconds)
        code = system.shell(["carelane", "deploy", "production", "--release", release, "--wait"]).code
        shown = system.carelane("deployments", "list", "--limit", "1", "--output", "json").json()[0]
        caught += code == 10 and "analysis" in shown["message"]
        runs_ = system.carelane("rollout", "show", "production", "--output", "json").json()["analyses"]
        windows = runs_[0]["windows"]
        took.append(windows[-1]["ended_at"] - windows[0]["started_at"])
        requests.append(sum(w["canary"]["requests"] for w in windows))
        until(lambda: len(seconds) > before + 1, 10, "the last second is told")  # noqa: B023
        errors.append(
            sum(
                n
                for s in seconds[before:]
                for st in s["versions"].values()
                for c, n in st.items()
                if c[0] == "5"
            )
        )
    said = (
        f"{caught} of {runs}; median {median(took):.0f} s after the canary's first request,"
        f" {median(requests):.0f} canary requests, {median(errors):.0f} errors seen by users"
    )
    return [
        Figure(
            f"healthcare, {fault}, 60 requests/s, canary 10 %: caught by itself",
            said,
            f"{runs} of {runs}",
            caught == runs,
        )
    ]


PARTS: tuple[tuple[Callable[[int], list[Figure]], int | None], ...] = (
    (_fair, None),
    (_share, 10_000),
    (_switched, 50),
    (_left, None),
    (_passed, None),
    (_caught, None),
)
