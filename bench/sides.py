"""This version beside an earlier one, turn by turn: undoing, replacing, weights, and what a canary costs.

Both systems run all the time, on the same machine, and take turns, so that what the machine does meanwhile
is the same for both. What is compared is the median of the ratios within a round; its interval is drawn by
the bootstrap. 1.05 is the most that it may come to.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench import undoing
from bench.processes import busy_seconds
from bench.results import Figure, write
from tests.load import Load
from tests.systems import earlier
from tests.systems.system import System
from tests.waiting import until

PART = "Beside an earlier version"
MOST = 1.05
DRAWS = 2000
WEIGHTS = 50
CANARIES = 5
CANARY_SECONDS = 30.0
STEPS: list[dict[str, Any]] = []
for _weight in range(1, WEIGHTS + 1):
    STEPS += [{"weight": _weight}, {"pause": {}}]


@dataclass
class Side:
    """One of the two."""

    system: System
    rounds: undoing.Rounds = field(default_factory=undoing.Rounds)
    replaced_ms: list[float] = field(default_factory=list)
    weight_ms: list[float] = field(default_factory=list)
    canary_cores: float = 0.0


def main(commit: str, rounds: int = 200) -> None:
    """Run, and write the section."""
    before, after = _sides(commit, {})
    with _up(before, after):
        for number in range(rounds):
            for side in (before, after) if number % 2 else (after, before):
                _round(side)
            if (number + 1) % 25 == 0:
                print(f"{number + 1} of {rounds}: {_ratio(before, after, _commands)}", flush=True)
    lost = [len(side.rounds.lost) for side in (before, after)]
    sent = [side.rounds.sent for side in (before, after)]
    stepped = _sides(commit, {"strategy": {"use": "canary", "canary": {"steps": STEPS}}})
    with _up(*stepped):
        _weigh(*stepped)
    for mine, other in zip((before, after), stepped, strict=True):
        mine.weight_ms, mine.canary_cores = other.weight_ms, other.canary_cores
    figures = [
        _figure("`emergency-rollback`, command to last bad answer", before, after, _commands),
        _figure("the switch, decision to last bad answer (difference, ms)", before, after, None),
        _figure("a rolling replacement, command to its end", before, after, lambda s: s.replaced_ms),
        _figure("a change of weights, command to record", before, after, lambda s: s.weight_ms),
        Figure(f"requests lost, before and after, of {sent}", str(lost), "0", not any(lost)),
        Figure(
            "the server while a canary goes on at 100 requests a second, % of a core, before and after",
            f"{before.canary_cores * 100:.1f}, {after.canary_cores * 100:.1f}",
            "≤ 10",
            after.canary_cores <= 0.1,
        ),
    ]
    write(PART, figures, f"make bench ARGS='sides --before {commit[:7]} --rounds {rounds}'")


def _commands(side: Side) -> list[float]:
    return side.rounds.command_ms


def _sides(commit: str, settings: dict[str, object]) -> tuple[Side, Side]:
    folder = Path(tempfile.mkdtemp(prefix="sides-"))
    before = System(folder / "before", replicas=2, carelane=earlier.carelane(commit), **settings)  # type: ignore[arg-type]
    return Side(before), Side(System(folder / "after", replicas=2, **settings))  # type: ignore[arg-type]


@contextmanager
def _up(*sides: Side) -> Iterator[None]:
    try:
        for side in sides:
            side.system.describe()
            side.system.up()
            side.system.shipped("v1")
            side.system.release("v2")
        yield
    finally:
        for side in sides:
            side.system.down()


def _round(side: Side) -> None:
    began = time.monotonic()

    def replaced() -> None:
        side.replaced_ms.append((time.monotonic() - began) * 1000)

    undoing.undo(side.system, 1, side.rounds, replaced)


def _weigh(*sides: Side) -> None:
    for side in sides:
        _begin(side)
        pid, busy = side.system.server_pid(), 0.0
        with Load(side.system.port, rate=100, connections=16):
            busy = busy_seconds(pid)
            time.sleep(CANARY_SECONDS)
            side.canary_cores = (busy_seconds(pid) - busy) / CANARY_SECONDS
    for number in range(CANARIES):
        for side in sides if number else ():
            side.system.must("rollout", "abort", "production", "--reason", "again")
            side.system.until_phase("Failed")
            _begin(side)
        _rise(*sides)


def _begin(side: Side) -> None:
    side.system.must("deploy", "production", "--release", "v2")
    until(lambda: _percent(side) == 1, 30, "the first weight")
    side.system.until_phase("Paused")


def _rise(*sides: Side) -> None:
    for weight in range(2, WEIGHTS + 1):
        for side in sides if weight % 2 else sides[::-1]:
            began = time.monotonic()
            side.system.must("rollout", "promote", "production", "--reason", "on")
            until(lambda: _percent(side) == weight, 10, f"weight {weight}")  # noqa: B023 - called here
            side.weight_ms.append((time.monotonic() - began) * 1000)
            side.system.until_phase("Paused")


def _percent(side: Side) -> int:
    percent: int = side.system.service()["canary_percent"] or 0
    return percent


def _ratio(before: Side, after: Side, of: Callable[[Side], list[float]]) -> str:
    ratios = [b / a for a, b in zip(of(before), of(after), strict=True)]
    low, high = _interval(ratios)
    return f"{median(ratios):.3f} ({low:.3f} to {high:.3f}, n = {len(ratios)})"


def _interval(values: list[float]) -> tuple[float, float]:
    """Where the median lies, 95 %."""
    chance = random.Random(1)  # noqa: S311 - a bootstrap, not cryptography
    medians = sorted(median(chance.choices(values, k=len(values))) for _ in range(DRAWS))
    return medians[DRAWS // 40], medians[-DRAWS // 40 - 1]


def _figure(what: str, before: Side, after: Side, of: Callable[[Side], list[float]] | None) -> Figure:
    if of is None:
        # A switch may be over before its decision was: a ratio says nothing.
        pairs = zip(before.rounds.switch_ms, after.rounds.switch_ms, strict=True)
        apart = [later - earlier_ for earlier_, later in pairs]
        low, high = _interval(apart)
        return Figure(
            what, f"{median(apart):.2f} ({low:.2f} to {high:.2f}, n = {len(apart)})", "stated", None
        )
    old, new = of(before), of(after)
    high = _interval([b / a for a, b in zip(old, new, strict=True)])[1]
    shown = f"{median(old):.1f} → {median(new):.1f} ms, ratio {_ratio(before, after, of)}"
    return Figure(what, shown, f"interval below {MOST}", high < MOST)
