"""The rules that others judge by, as docs/analysis.md describes them, to be compared with.

Each takes the windows from the canary's first request on and says when it would have gone back.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.columns import Columns

Array = NDArray[np.float64]
LOOK_SECONDS = 60.0
LEAST_SUCCESS = 0.99


@dataclass(frozen=True)
class Rule:
    """A name, and when it goes back: the row of the window at whose end it does, None: never."""

    name: str
    stops: Callable[[Columns], int | None]


@dataclass(frozen=True)
class Looks:
    """What was counted between one look and the next, and the row before each look."""

    rows: NDArray[np.intp]
    canary: Array
    canary_errors: Array
    stable: Array
    stable_errors: Array


def looks(columns: Columns) -> Looks:
    """A look every minute from the first window on; a last, unfinished minute is not looked at."""
    seconds = columns.ended_at - columns.started_at[0]
    rows = np.searchsorted(seconds, np.arange(LOOK_SECONDS, seconds[-1] + 1e-9, LOOK_SECONDS) + 1e-9) - 1
    rows = rows[rows >= 0]
    return Looks(
        rows,
        *(
            np.diff(np.concatenate([[0.0], np.add.accumulate(counts)[rows]]))
            for counts in (
                columns.canary_requests,
                columns.canary_errors,
                columns.stable_requests,
                columns.stable_errors,
            )
        ),
    )


def argo(failure_limit: int) -> Rule:
    """Argo Rollouts: fails once more than *failure_limit* looks had under 99 % success."""

    def stops(columns: Columns) -> int | None:
        seen = looks(columns)
        low = seen.canary - seen.canary_errors < LEAST_SUCCESS * seen.canary
        return _first(seen.rows, np.add.accumulate(low) > failure_limit)

    return Rule(f"Argo Rollouts, failureLimit {failure_limit}", stops)


def flagger(threshold: int = 5) -> Rule:
    """Flagger: *threshold* looks under 99 % success, or without data, then back at the look after."""

    def stops(columns: Columns) -> int | None:
        seen = looks(columns)
        low = seen.canary - seen.canary_errors < LEAST_SUCCESS * seen.canary
        failed = np.add.accumulate(low | (seen.canary == 0)) >= threshold
        return _first(seen.rows[1:], failed[:-1])

    return Rule(f"Flagger, threshold {threshold}", stops)


def z_test(alpha: float = 0.01) -> Rule:
    """A test of two proportions, one-sided, each minute anew on all that was counted: peeking."""
    limit = NormalDist().inv_cdf(1 - alpha)

    def stops(columns: Columns) -> int | None:
        seen = looks(columns)
        counts = (seen.canary, seen.canary_errors, seen.stable, seen.stable_errors)
        n, c, m, s = (np.add.accumulate(part) for part in counts)
        pooled = (c + s) / np.maximum(n + m, 1.0)
        variance = pooled * (1 - pooled) * (1 / np.maximum(n, 1.0) + 1 / np.maximum(m, 1.0))
        apart = c / np.maximum(n, 1.0) - s / np.maximum(m, 1.0)
        return _first(seen.rows, (apart > limit * np.sqrt(variance)) & (n > 0) & (m > 0))

    return Rule(f"z-test at {alpha:.0%}, peeked", stops)


def wald(stable_ratio: float, canary_ratio: float, alpha: float = 0.01) -> Rule:
    """Wald's sequential ratio test, told both true ratios: what nobody knows, but nothing can beat."""

    def stops(columns: Columns) -> int | None:
        bad = np.add.accumulate(columns.canary_errors)
        good = np.add.accumulate(columns.canary_requests) - bad
        ratio = bad * math.log(canary_ratio / stable_ratio)
        ratio += good * math.log((1 - canary_ratio) / (1 - stable_ratio))
        return _first(np.arange(len(columns)), ratio >= -math.log(alpha))

    return Rule("Wald's test, told the truth", stops)


def _first(rows: NDArray[np.intp], stopped: NDArray[np.bool_]) -> int | None:
    index = np.flatnonzero(stopped)
    return int(rows[index[0]]) if len(index) else None
