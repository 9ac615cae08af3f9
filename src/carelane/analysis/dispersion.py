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
FINE_SECONDS = 5.0
"""Windows up to this long are as the server counted them; longer ones are buckets that were kept."""
COARSE_SECONDS = 10.0
COARSE_SCALES = (1, 2, 4, 8)
"""Of buckets: 10 to 80 s, as far as SCALES go. Beyond, slow changes of the ratio would pass for clusters."""
FEWEST_COARSE = 2 * FEWEST_PAIRS


def estimate(requests: Array, bad: Array) -> float:
    """The dispersion phi >= 1 of *bad* among *requests*, both by window, of one version.

    Where little is known it stays near UNKNOWN, which counts as UNKNOWN_WEIGHT bad requests: nothing
    then tells lone errors from those that come in twos, and calling them lone stops healthy canaries.
    """
    return _drawn_in(math.fsum(bad.tolist()), _shown(requests, bad, SCALES))


def estimate_over(started_at: Array, ended_at: Array, requests: Array, bad: Array) -> float:
    """The same of a history whose older part is in buckets of ten seconds: hours that outlive a server.

    Fine windows and buckets are never compared with each other. All together, the fine ones gathered into
    buckets, are judged as buckets: a cluster shows in a bucket as it does in ten windows, with fewer pairs an
    hour to show it by, and there are more hours. The fine ones are judged as they are too where they hold
    the greater part; a minute of them says too little to be heard beside hours. As among SCALES, each
    block length shows what it does less its own error, so the greatest counts.
    """
    fine = ended_at - started_at <= FINE_SECONDS
    if np.count_nonzero(~fine) < FEWEST_COARSE:
        return estimate(requests, bad)  # a few long ones are of a server that could not look
    total, of_fine = math.fsum(bad.tolist()), math.fsum(bad[fine].tolist())
    shown = _shown(*_gathered(started_at, fine, requests, bad), COARSE_SCALES)
    if 2 * of_fine >= total:
        shown = max(shown, _shown(requests[fine], bad[fine], SCALES))
    return _drawn_in(total, shown)


def _shown(requests: Array, bad: Array, scales: tuple[int, ...]) -> float:
    if math.fsum(bad.tolist()) < FEWEST_BAD:
        return 1.0
    return max(1.0, *(_at_scale(requests, bad, scale) for scale in scales))


def _drawn_in(total: float, shown: float) -> float:
    """What *total* bad requests have *shown*, drawn towards UNKNOWN."""
    return (UNKNOWN_WEIGHT * UNKNOWN + total * shown) / (UNKNOWN_WEIGHT + total)


def _gathered(started_at: Array, fine: NDArray[np.bool_], requests: Array, bad: Array) -> tuple[Array, Array]:
    """Requests and bad ones in buckets: those that are, and the *fine* windows of each ten seconds."""
    # A bucket is a group of its own: nothing is like what is no number.
    group = np.where(fine, np.floor(started_at / COARSE_SECONDS), np.nan)
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    return np.add.reduceat(requests, starts), np.add.reduceat(bad, starts)


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
