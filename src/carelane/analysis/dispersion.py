"""How much errors cluster: the variance of stable's counts over what lone errors would have.

Neighbouring blocks of windows are compared with each other, given their requests: waves of traffic
and slow changes of the error ratio cancel. The blocks are of several lengths, because a cluster can
straddle windows; each is judged by the median over stretches of the history, so that one incident,
which would hit both versions alike, does not count as clustering.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
UNKNOWN = 1.5
UNKNOWN_WEIGHT = 4.0
SCALES = (1, 2, 4, 8, 16, 32, 64)
FEWEST_PAIRS = 8
FEWEST_BAD = 8.0
BAD_A_STRETCH = 16.0
MOST_STRETCHES = 7
GUARD = 1.5


def estimate(requests: Array, bad: Array) -> float:
    """The dispersion phi >= 1 of *bad* among *requests*, both by window, of one version.

    Where little is known it stays near UNKNOWN, which counts as UNKNOWN_WEIGHT bad requests: nothing
    then tells lone errors from those that come in twos, and calling them lone stops healthy canaries.
    """
    total = math.fsum(bad.tolist())
    shown = 1.0
    if total >= FEWEST_BAD:
        shown = max(1.0, *(_at_scale(requests, bad, scale) for scale in SCALES))
    return (UNKNOWN_WEIGHT * UNKNOWN + total * shown) / (UNKNOWN_WEIGHT + total)


def _at_scale(requests: Array, bad: Array, scale: int) -> float:
    """What blocks of *scale* windows show, less its own standard error; 1 where they are too few."""
    pairs = len(requests) // (2 * scale)
    if pairs < FEWEST_PAIRS:
        return 1.0
    n = requests[: pairs * 2 * scale].reshape(pairs, 2, scale).sum(axis=2)
    x = bad[: pairs * 2 * scale].reshape(pairs, 2, scale).sum(axis=2)
    both, events = n[:, 0] + n[:, 1], x[:, 0] + x[:, 1]
    usable = (n.min(axis=1) > 0) & (events > 0) & (events < both)
    n, x, both, events = n[usable], x[usable], both[usable], events[usable]
    total = math.fsum(events.tolist())
    if not total:
        return 1.0
    # Given its margins, the first block's share is hypergeometric: concord is 0 on average without
    # clusters, whatever the level.
    apart = x[:, 0] - events * n[:, 0] / both
    variance = events * (n[:, 0] / both) * (n[:, 1] / both) * (both - events) / (both - 1)
    concord = events * (apart * apart / variance - 1)
    stretches = int(min(MOST_STRETCHES, max(1, total // BAD_A_STRETCH)))
    stretches -= 1 - stretches % 2
    error = math.sqrt(2 * math.fsum((events * (events - 1)).tolist())) / total
    return 1.0 + _median(concord, events, stretches) - GUARD * error * (1.25 if stretches > 1 else 1.0)


def _median(concord: Array, events: Array, stretches: int) -> float:
    found = []
    for part, weight in zip(
        np.array_split(concord, stretches), np.array_split(events, stretches), strict=True
    ):
        total = math.fsum(weight.tolist())
        found.append(math.fsum(part.tolist()) / total if total else 0.0)
    return sorted(found)[stretches // 2]
