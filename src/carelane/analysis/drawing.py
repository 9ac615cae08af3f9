"""Traffic drawn by chance, to judge it beforehand."""

import numpy as np

from carelane.analysis.columns import NO_GAP, Columns


def drawn(
    rates: tuple[float, float],
    ratios: tuple[float, float],
    at: float,
    window_seconds: float,
    count: int,
    generator: np.random.Generator,
    thresholds: int = 0,
) -> Columns:
    """*count* windows from *at* on, each a Poisson number of requests of which each fails by itself.

    Args:
        rates: Requests a second to stable and to the canary, >= 0.
        ratios: The share of each that fails, 0..1.
        at: Seconds on the rollout's clock.
        window_seconds: How long each window is.
        count: How many windows, >= 1.
        generator: Where chance comes from.
        thresholds: How many thresholds of slow requests are counted; none is slow.
    """
    started = at + np.arange(count, dtype=np.float64) * window_seconds
    stable, canary = (generator.poisson(rate * window_seconds, count) for rate in rates)
    none = np.zeros((count, thresholds))
    return Columns(
        started_at=started,
        ended_at=started + window_seconds,
        stable_requests=stable.astype(np.float64),
        stable_errors=generator.binomial(stable, ratios[0]).astype(np.float64),
        canary_requests=canary.astype(np.float64),
        canary_errors=generator.binomial(canary, ratios[1]).astype(np.float64),
        stable_slow=none,
        canary_slow=none,
        gaps=np.full(count, NO_GAP, dtype=np.int8),
        weights=np.zeros(count, dtype=np.int8),
    )
