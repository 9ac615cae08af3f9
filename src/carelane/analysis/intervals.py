"""The rate ratio: its estimate, and an interval that holds it at every look."""

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.alternatives import LOG_RATIOS, STEP
from carelane.analysis.reproducible import exp, log, log_sum_exp
from carelane.analysis.sequential import CANARY_BAD, JUDGED, RATE, STABLE_BAD, Design

Array = NDArray[np.float64]
_FINER = 16


def rate_ratio(row: Array) -> float | None:
    """Mantel and Haenszel's estimate, which weights that change do not bias; None where it is unknown."""
    canary, stable = float(row[RATE]), float(row[RATE + 1])
    return canary / stable if stable > 0 else None


def interval(design: Design, row: Array, alpha: float) -> tuple[float, float | None] | None:
    """All rate ratios that a test of each, against the mean of all others, has not refuted at *alpha*.

    A lower end of 0 and an upper end of None are not bounded by what was seen; None: nothing was.
    """
    events = float(row[JUDGED + CANARY_BAD] + row[JUDGED + STABLE_BAD])
    if not events:
        return None
    # The mean of log(1 + (ratio - 1) share) over the bad requests is smooth in the log ratio, however
    # many there are: it is interpolated, the likelihood is not.
    grid, spread = _interpolated(row[design.grid][:-1] / events)
    likelihood = (float(row[JUDGED + CANARY_BAD]) * grid - events * spread) / design.baseline.dispersion
    mean = log_sum_exp(likelihood[None, :])[0] - log(float(len(grid)))
    margin = likelihood - (mean - log(1.0 / alpha))
    inside = np.flatnonzero(margin > 0)
    first, last = int(inside[0]), int(inside[-1])
    low = 0.0 if first == 0 else float(exp(_crossing(grid, margin, first - 1)))
    high = None if last == len(grid) - 1 else float(exp(_crossing(grid, margin, last)))
    return low, high


def _interpolated(values: Array) -> tuple[Array, Array]:
    """LOG_RATIOS and *values* at them on a grid `_FINER` times as fine, by cubics through four points."""
    count = len(LOG_RATIOS)
    index = np.arange((count - 1) * _FINER + 1)
    start = np.clip(index // _FINER - 1, 0, count - 4)
    t = index / _FINER - start
    a, b, c, d = (values[start + i] for i in range(4))
    cubic = (
        -a * (t - 1) * (t - 2) * (t - 3) / 6
        + b * t * (t - 2) * (t - 3) / 2
        - c * t * (t - 1) * (t - 3) / 2
        + d * t * (t - 1) * (t - 2) / 6
    )
    return LOG_RATIOS[0] + index * (STEP / _FINER), cubic


def _crossing(grid: Array, margin: Array, before: int) -> float:
    """Where *margin* is zero between *before* and the point after it."""
    left, right = float(margin[before]), float(margin[before + 1])
    return float(grid[before]) + (STEP / _FINER) * left / (left - right)
