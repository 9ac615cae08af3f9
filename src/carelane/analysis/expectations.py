"""How long a healthy canary is expected to wait for its pass: the test itself, on even traffic."""

import numpy as np

from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import NO_GAP, Columns
from carelane.analysis.judging import judge_all
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.verdicts import Verdict

HISTORY_SECONDS = 3600
LONGEST_SECONDS = 24 * 3600


def seconds_to_pass(
    policy: AnalysisPolicy,
    requests_per_second: float,
    share: float,
    error_ratio: float,
    at_most_seconds: float,
) -> float | None:
    """Seconds until a canary as good as stable passes, where nothing is left to chance; about the median.

    Args:
        policy: What it is judged by; requests slower than a threshold are taken to be none.
        requests_per_second: All users together, >= 0.
        share: The canary's share of them, 0..1.
        error_ratio: Of both versions, 0..1.
        at_most_seconds: How long is waited.

    Returns:
        None where it would not have passed by then.
    """
    length = int(min(at_most_seconds, LONGEST_SECONDS))
    if length < 1 or requests_per_second * share <= 0:
        return None
    thresholds = len(policy.thresholds_ms)
    history = _even(HISTORY_SECONDS, requests_per_second, 0.0, error_ratio, thresholds)
    since = _even(length, requests_per_second, share, error_ratio, thresholds)
    first = judge_all(policy, baselines(policy, history), since).first
    return first.decided_at if first is not None and first.verdict is Verdict.PASS else None


def _even(seconds: int, rate: float, share: float, error_ratio: float, thresholds: int) -> Columns:
    """A window a second, with as many whole requests and errors as are due by then."""
    ends = np.arange(1, seconds + 1, dtype=np.float64)

    def due(per_second: float, offset: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        total = np.floor(ends * per_second + offset)
        return np.diff(total, prepend=np.floor(offset))

    stable, canary = due(rate * (1 - share), 0.0), due(rate * share, 0.0)
    slow = np.zeros((seconds, thresholds))
    return Columns(
        ends - 1,
        ends,
        stable,
        np.minimum(due(rate * (1 - share) * error_ratio, 0.5), stable),
        canary,
        np.minimum(due(rate * share * error_ratio, 0.5), canary),
        slow,
        slow,
        np.full(seconds, NO_GAP, dtype=np.int8),
        np.zeros(seconds, dtype=np.int8),
    )
