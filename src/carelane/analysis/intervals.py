"""The rate ratio: its estimate, and an interval that holds it at every look."""

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.alternatives import LOG_RATIOS, STEP
from carelane.analysis.reproducible import exp, log, log_sum_exp
from carelane.analysis.sequential import CANARY_BAD, JUDGED, RATE, STABLE_BAD, Design

Array = NDArray[np.float64]
# Rate ratios looked at; a narrower range is taken until so many of them are inside the interval.
LOOKED_AT = 401
FEWEST_INSIDE = 40
MOST_NARROWINGS = 8
# Points that a value between the grid's is made of.
NEIGHBOURS = 8


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
    whole = float(LOG_RATIOS[-1] - LOG_RATIOS[0])
    low, high = float(LOG_RATIOS[0]), float(LOG_RATIOS[-1])
    for _ in range(MOST_NARROWINGS):
        grid = low + np.arange(LOOKED_AT, dtype=np.float64) * ((high - low) / (LOOKED_AT - 1))
        likelihood = _likelihood(design, row, events, grid)
        # Outside of a narrowed range there is next to nothing of the mean.
        share = (high - low) / (LOOKED_AT * whole)
        mean = float(log_sum_exp(likelihood[None, :])[0] + log(share))
        margin = likelihood - (mean + float(log(alpha)))
        inside = np.flatnonzero(margin > 0)
        first, last = int(inside[0]), int(inside[-1])
        if len(inside) >= FEWEST_INSIDE:
            break
        low, high = float(grid[max(0, first - 1)]), float(grid[min(LOOKED_AT - 1, last + 1)])
    return (
        0.0 if grid[first] <= LOG_RATIOS[0] else float(exp(_crossing(grid, margin, first - 1))),
        None if grid[last] >= LOG_RATIOS[-1] else float(exp(_crossing(grid, margin, last))),
    )


def _likelihood(design: Design, row: Array, events: float, log_ratios: Array) -> Array:
    """The log likelihood of each rate ratio, given how many requests were bad.

    The mean of log(1 + (ratio - 1) share) over the bad requests is smooth in the log ratio, however
    many there are: it is interpolated, the likelihood is not.
    """
    spread = interpolated(row[design.grid][:-1] / events, log_ratios)
    canary = float(row[JUDGED + CANARY_BAD])
    result: Array = (canary * log_ratios - events * spread) / design.baseline.dispersion
    return result


def interpolated(values: Array, log_ratios: Array) -> Array:
    """*values* at LOG_RATIOS, at *log_ratios* between them: Lagrange's polynomial through neighbours."""
    position = (log_ratios - LOG_RATIOS[0]) / STEP
    start = np.clip(np.floor(position).astype(np.intp) - NEIGHBOURS // 2 + 1, 0, len(LOG_RATIOS) - NEIGHBOURS)
    apart = [position - start - i for i in range(NEIGHBOURS)]
    total: Array = np.zeros(len(log_ratios))
    for i in range(NEIGHBOURS):
        basis: Array = np.ones(len(log_ratios))
        for j in range(NEIGHBOURS):
            if j != i:
                basis *= apart[j] * (1.0 / (i - j))
        total += basis * values[start + i]
    return total


def _crossing(grid: Array, margin: Array, before: int) -> float:
    """Where *margin* is zero between *before* and the point after it; *before* itself at the edge."""
    if not 0 <= before < len(grid) - 1:
        return float(grid[max(0, min(before, len(grid) - 1))])
    left, right = float(margin[before]), float(margin[before + 1])
    return float(grid[before]) + float(grid[before + 1] - grid[before]) * left / (left - right)
