"""Windows and judges as tests need them."""

from collections.abc import Sequence

import numpy as np

from carelane.analysis.alternatives import Baseline
from carelane.analysis.columns import NO_GAP, Columns
from carelane.analysis.judging import Judge
from carelane.analysis.measurements import Counts, Window
from carelane.analysis.objectives import AnalysisPolicy

POLICY = AnalysisPolicy()
LONE = Baseline(36_000, 180, 1.0)


def window(
    at: float, canary: tuple[int, int], stable: tuple[int, int], slow: tuple[int, int] | None = None
) -> Window:
    """A window of one second with (requests, errors) of both; *slow* is (canary's, stable's)."""
    more = ((), ()) if slow is None else ((slow[0],), (slow[1],))
    return Window(at, at + 1, Counts(*stable, more[1]), Counts(*canary, more[0]))


def windows(seconds: int, canary: tuple[int, int], stable: tuple[int, int]) -> list[Window]:
    """The same window, again and again."""
    return [window(at, canary, stable) for at in range(seconds)]


def judged(
    seen: Sequence[Window], policy: AnalysisPolicy = POLICY, basis: tuple[Baseline, ...] = (LONE,)
) -> Judge:
    """The judge after these windows, one by one."""
    judge = Judge.begin(policy, basis)
    for one in seen:
        judge = judge.after(one)
    return judge


def random_columns(
    seed: int, seconds: int, rate: float, ratios: tuple[float, float], weight: float = 0.1
) -> Columns:
    """Traffic by second: *ratios* are stable's and the canary's."""
    generator = np.random.default_rng(seed)
    at = np.arange(seconds, dtype=np.float64)
    stable, canary = (
        generator.poisson(rate * (1 - weight), seconds),
        generator.poisson(rate * weight, seconds),
    )
    none = np.zeros((seconds, 0))
    return Columns(
        at,
        at + 1,
        stable.astype(np.float64),
        generator.binomial(stable, ratios[0]).astype(np.float64),
        canary.astype(np.float64),
        generator.binomial(canary, ratios[1]).astype(np.float64),
        none,
        none,
        np.full(seconds, NO_GAP, dtype=np.int8),
        np.zeros(seconds, dtype=np.int8),
    )
