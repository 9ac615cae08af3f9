"""From rows of sums to logarithms of likelihood ratios, one a point and a row, weights included.

The e-value is the sum over a row's points: `log_sum_exp`. The largest of them bounds it from above.
"""

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.alternatives import Alone
from carelane.analysis.reproducible import log, log_sum_exp
from carelane.analysis.sequential import (
    CANARY,
    CANARY_BAD,
    EARLY,
    JUDGED,
    RATE,
    STABLE,
    STABLE_BAD,
    Design,
)

Array = NDArray[np.float64]
# A release without errors is shown safe by the canary alone; the comparison needs hundreds of errors.
_LOG_COMPARED, _LOG_ALONE = log([1.0 / 3.0, 2.0 / 3.0])


def compared(design: Design, rows: Array) -> Array:
    """Canary beside stable at each point of the mixture: as if errors came alone, without the weights."""
    counts = rows[:, JUDGED:EARLY]
    found = counts[:, CANARY_BAD, None] * design.log_ratio(design.points) - rows[:, design.points]
    good = (counts[:, CANARY] - counts[:, CANARY_BAD])[:, None] * design.log_canary_good
    good += (counts[:, STABLE] - counts[:, STABLE_BAD])[:, None] * design.log_stable_good
    found[:, design.level] += good - rows[:, design.goods]
    return found


def weighed(design: Design, found: Array) -> Array:
    """What was `compared`, with dispersion and weights."""
    points: Array = found / design.baseline.dispersion
    points += design.mixture.log_weight
    return points


def worse(design: Design, rows: Array) -> Array:
    """Against "the canary's ratio is at most stable's, in every window"."""
    return weighed(design, compared(design, rows))


def safe(design: Design, rows: Array) -> Array:
    """Against "the canary's ratio is at least max(bad x stable's, floor)": both tests hold, so their mean."""
    split = rows[:, JUDGED + CANARY_BAD, None] * design.log_ratio(design.grid) - rows[:, design.grid]
    ratios = (split[:, design.safe] - split[:, -1:]) / design.baseline.dispersion + design.log_safe_weight
    alone = _alone(design, rows[:, JUDGED:EARLY], design.floor)
    return np.concatenate([ratios + _LOG_COMPARED, alone + _LOG_ALONE], axis=1)


def catastrophic(design: Design, rows: Array) -> Array:
    """Against "at most 5 x stable's, or at most 10 %": either may hold, so the smaller; one column."""
    split = rows[:, EARLY + CANARY_BAD, None] * design.log_ratio(design.early) - rows[:, design.early]
    ratios = (split[:, 1:] - split[:, :1]) / design.baseline.dispersion
    beyond = log_sum_exp(ratios) - log(float(ratios.shape[1]))
    level = log_sum_exp(_alone(design, rows[:, EARLY:RATE], design.catastrophe))
    return np.minimum(beyond, level)[:, None]


def above_ceiling(design: Design, rows: Array, version: int) -> Array:
    """Against "the ratio of *version* (CANARY or STABLE) is at most the ceiling"."""
    return _alone(design, rows[:, JUDGED + version : JUDGED + version + 2], _ceiling(design)[0])


def below_ceiling(design: Design, rows: Array) -> Array:
    """Against "the canary's ratio is at least the ceiling"."""
    return _alone(design, rows[:, JUDGED:EARLY], _ceiling(design)[1])


def _ceiling(design: Design) -> tuple[Alone, Alone]:
    assert design.ceiling is not None  # noqa: S101 - asked only where there is one
    return design.ceiling


def _alone(design: Design, counts: Array, alone: Alone) -> Array:
    """One version's counts (requests, bad)."""
    bad, good = counts[:, 1, None], (counts[:, 0] - counts[:, 1])[:, None]
    likelihood = (bad * alone.log_bad + good * alone.log_good) / design.baseline.dispersion
    result: Array = likelihood + alone.log_weight
    return result
