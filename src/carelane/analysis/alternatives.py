"""What a worse canary might look like: the grids that the tests average over, and their weights.

The weights are fixed at the canary's first request, by stable's history alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.columns import Columns
from carelane.analysis.dispersion import UNKNOWN, estimate
from carelane.analysis.objectives import AnalysisPolicy, Objective
from carelane.analysis.reproducible import exp, log

Array = NDArray[np.float64]

# Log rate ratios -4.2 .. 7 (1/64 .. 1024) in equal steps; 0, no difference, is one of them.
STEP = 0.35
LOG_RATIOS: Array = np.arange(-12.0, 21.0, dtype=np.float64) * STEP
NO_DIFFERENCE = 12
# What a catastrophe has to exceed, and the rate ratios that would.
CATASTROPHE_RATIOS: Array = np.array([5.0, 10.0, 30.0, 100.0])
CATASTROPHE_FLOOR = 0.1


@dataclass(frozen=True)
class Baseline:
    """What stable's history says of one objective; stored, so that a verdict can be computed again."""

    requests: int = 0
    bad: int = 0
    dispersion: float = UNKNOWN

    @property
    def ratio(self) -> float | None:
        """Bad among all requests, drawn in a little from zero; None without history."""
        return (self.bad + 0.5) / (self.requests + 1.0) if self.requests else None


def baselines(policy: AnalysisPolicy, history: Columns) -> tuple[Baseline, ...]:
    """What *history*, stable's windows before the canary's first request, says of each objective."""
    return tuple(_baseline(policy, objective, history) for objective in policy.objectives)


def _baseline(policy: AnalysisPolicy, objective: Objective, history: Columns) -> Baseline:
    if not len(history):
        return Baseline()
    bad, _ = history.bad(policy, objective)
    requests = history.stable_requests
    return Baseline(int(requests.sum()), int(bad.sum()), estimate(requests, bad))


@dataclass(frozen=True)
class Mixture:
    """Points (stable's ratio, rate ratio) with the logarithms of their weights, which sum to one.

    Where stable's ratio is 0 the likelihood is that of the errors' split alone, at whatever level.
    """

    stable: Array
    ratio: Array
    log_weight: Array


SPLIT_SHARE = 0.15
ROBUST_SHARE = 0.1
ROBUST_LEVELS = (0.001, 0.01, 0.1)
SPLIT = tuple((r, w / 7.0) for r, w in ((1.5, 1.0), (2.5, 2.0), (5.0, 2.0), (12.0, 1.0), (50.0, 1.0)))
# Multiples of stable's ratio, and absolute ratios of the canary.
CANARY = ((1.5, 1.0), (2.2, 1.5), (3.5, 2.0), (6.0, 2.0), (11.0, 1.5), (22.0, 1.0))
ABSOLUTE = ((0.2, 1.0), (0.5, 1.0), (0.9, 1.0))
ROBUST = ((2.5, 1.0), (6.0, 1.0))


def worse(baseline: Baseline) -> Mixture:
    """The canaries that are worse than stable."""
    points: list[tuple[float, float, float]] = []
    level = baseline.ratio
    for ratio, weight in SPLIT:
        points.append((0.0, ratio, weight * (SPLIT_SHARE if level else 0.5)))
    if level:
        level = min(level, 0.5)
        points += [(level, r, w * (1 - SPLIT_SHARE - ROBUST_SHARE)) for r, w in _above(level, CANARY)]
    for stable in ROBUST_LEVELS:
        share = (ROBUST_SHARE if level else 0.5) / len(ROBUST_LEVELS)
        points += [(stable, r, w * share) for r, w in _above(stable, ROBUST)]
    stable_ratios, ratios, weights = (np.array(column) for column in zip(*points, strict=True))
    return Mixture(stable_ratios, ratios, log(weights / float(np.add.accumulate(weights)[-1])))


def _above(stable: float, multiples: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Rate ratios over *stable* with weights that sum to one."""
    odds = stable / (1 - stable)
    found = [(m * odds / (1 + m * odds) / stable, w) for m, w in multiples]
    found += [(p / stable, w) for p, w in ABSOLUTE if p > 1.5 * stable]
    total = sum(w for _, w in found)
    return [(r, w / total) for r, w in found]


def ratio_grid() -> Array:
    """The rate ratios of LOG_RATIOS."""
    return exp(LOG_RATIOS)


def safe_ratios(bad_ratio: float) -> tuple[NDArray[np.intp], Array]:
    """The positions in `ratio_grid` that are clearly below *bad_ratio*, and their weights."""
    grid = ratio_grid()
    positions = np.flatnonzero((grid < 0.9 * bad_ratio) & (LOG_RATIOS >= -3 * STEP - 1e-9))
    # A healthy release changes nothing: no difference is what to bet on first.
    weight = np.where(positions == NO_DIFFERENCE, 3.0, 1.0)
    return positions, weight / float(np.add.accumulate(weight)[-1])


@dataclass(frozen=True)
class Alone:
    """One version against a fixed ratio: points beyond it, as what a bad and a good request tell."""

    log_bad: Array
    log_good: Array
    log_weight: Array

    @classmethod
    def of(cls, points: list[tuple[float, float]], null: float) -> "Alone":
        """*points* are (ratio, weight)."""
        ratio, weight = (np.array(column) for column in zip(*points, strict=True))
        total = float(np.add.accumulate(weight)[-1])
        return cls(log(ratio / null), log((1.0 - ratio) / (1.0 - null)), log(weight / total))


def below(null: float) -> Alone:
    """Ratios below *null*; the first stands for no bad requests at all."""
    return Alone.of([(1e-9, 4.0), (0.1 * null, 1.0), (0.3 * null, 1.0), (0.6 * null, 1.0)], null)


def above(null: float) -> Alone:
    """Ratios above *null*."""
    odds = null / (1.0 - null)
    return Alone.of([(m * odds / (1.0 + m * odds), 1.0) for m in (1.7, 3.0, 7.0, 20.0, 80.0)], null)
