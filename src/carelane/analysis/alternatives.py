"""What a worse canary might look like: the grids that the tests average over, and their weights.

The weights are fixed at the canary's first request, by stable's history alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.columns import Columns
from carelane.analysis.dispersion import UNKNOWN, estimate_over
from carelane.analysis.objectives import AnalysisPolicy, Objective
from carelane.analysis.reproducible import exp, log
from carelane.base.errors import InputError

Array = NDArray[np.float64]

# Log rate ratios -3.5 .. 5.95 (1/33 .. 384) in equal steps; 0, no difference, is one of them.
STEP = 0.35
LOG_RATIOS: Array = np.arange(-10.0, 18.0, dtype=np.float64) * STEP
NO_DIFFERENCE = 10
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
    dispersion = estimate_over(history.started_at, history.ended_at, requests, bad)
    return Baseline(int(requests.sum()), int(bad.sum()), dispersion)


@dataclass(frozen=True)
class Mixture:
    """Points (stable's ratio, rate ratio) with the logarithms of their weights, which sum to one.

    Where stable's ratio is 0 the likelihood is that of the errors' split alone, at whatever level.
    """

    stable: Array
    ratio: Array
    log_weight: Array


@dataclass(frozen=True)
class Prior:
    """How the weight is spread over what a worse canary might be.

    On the errors' *split* alone, which no level touches, by rate ratio; on stable as its history has it,
    with the canary's ratio evenly in log odds from *nearest* times stable's up to 90 %, a share a point in
    *level*; and, *robust* in all, on other levels, where the history is old or missing.
    """

    split: Mapping[float, float]
    level: tuple[float, ...]
    nearest: float
    robust: float


def _even(share: float) -> Mapping[float, float]:
    return dict.fromkeys((2.0, 4.0, 8.0, 20.0, 60.0), share / 5)


def _fading(count: int, share: float) -> tuple[float, ...]:
    """*count* shares that sum to *share*, each with so much of the one before."""
    weights = np.multiply.accumulate(np.array([1.0] + [FADING] * (count - 1)))
    weights *= share / float(np.add.accumulate(weights)[-1])
    return tuple(weights.tolist())


FARTHEST_ODDS = 9.0
FADING = 0.8
NEAREST = 2.0
ROBUST_LEVELS = (0.001, 0.01, 0.1)
ROBUST_POINTS = 4
EDITION = 2
"""The way of judging that begins now; each analysis records its own, so that it can be judged again."""
# Large changes are found at once whatever their weight. Few points far apart, the heaviest of them at
# changes to some 5 and 12 %, are found soonest between 2 and 50 %; the first edition had many alike.
PRIORS: Mapping[int, Prior] = {
    1: Prior(_even(0.4), _fading(9, 1.0 - 0.4 - 0.05), NEAREST, 0.05),
    EDITION: Prior({2.5: 0.18, 7.0: 0.3}, (0.05, 0.36, 0.06, 0.02), 4.0, 0.03),
}
WITHOUT_HISTORY = Prior(_even(0.5), (), NEAREST, 0.5)


def worse(baseline: Baseline, edition: int = EDITION) -> Mixture:
    """The canaries that are worse than stable.

    Raises:
        InputError: If there is no such *edition* of the prior.
    """
    if edition not in PRIORS:
        raise InputError(
            f"it was judged in a way of its own, number {edition}; known are 1 to {EDITION}",
            hint="a later version of carelane knows it",
        )
    level = baseline.ratio
    prior = PRIORS[edition] if level else WITHOUT_HISTORY
    points = [(0.0, ratio, share) for ratio, share in prior.split.items()]
    if level:
        points += _above(min(level, 0.5), prior.nearest, prior.level)
    each = _fading(ROBUST_POINTS, prior.robust / len(ROBUST_LEVELS))
    for stable in ROBUST_LEVELS:
        points += _above(stable, NEAREST, each)
    stable_ratios, ratios, weights = (np.array(column) for column in zip(*points, strict=True))
    return Mixture(stable_ratios, ratios, log(weights / float(np.add.accumulate(weights)[-1])))


def _above(stable: float, nearest: float, shares: tuple[float, ...]) -> list[tuple[float, float, float]]:
    """A point for each of *shares*, with *stable* for stable's ratio."""
    least = nearest * stable / (1.0 - stable)
    steps = np.arange(len(shares), dtype=np.float64) / (len(shares) - 1)
    odds = least * exp(log(FARTHEST_ODDS / least) * steps)
    ratios = odds / (1.0 + odds) / stable
    return [(stable, float(r), share) for r, share in zip(ratios, shares, strict=True)]


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
    """Ratios below *null*; the first stands for no bad requests at all, which most releases have."""
    return Alone.of([(1e-9, 6.0), (0.1 * null, 1.0), (0.3 * null, 2.0), (0.6 * null, 1.0)], null)


def above(null: float) -> Alone:
    """Ratios above *null*."""
    odds = null / (1.0 - null)
    return Alone.of([(m * odds / (1.0 + m * odds), 1.0) for m in (1.7, 3.0, 7.0, 20.0, 80.0)], null)
