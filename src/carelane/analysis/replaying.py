"""Judging traffic that was recorded, as it would have been judged live."""

from dataclasses import dataclass

import numpy as np

from carelane.analysis.alternatives import Baseline, baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.sequential import CANARY, CANARY_BAD, JUDGED, SEEN, STABLE, STABLE_BAD
from carelane.analysis.trials import ALONE, Trial
from carelane.analysis.verdicts import Evidence

POINTS = 120
SHOWN_ON = 1.2


@dataclass(frozen=True)
class Point:
    """How things stood at one moment of a recording; a ratio is None without requests."""

    at: float
    log_e_worse: float
    log_e_safe: float
    stable_ratio: float | None
    canary_ratio: float | None


@dataclass(frozen=True)
class Replay:
    """What judging a recording came to: *evidence* is of its first verdict, *last* of its end.

    It fails by *alpha*, and passes by *pass_alpha* at the last of its weights.

    Of a canary whose weight rose *evidence* is what it came to at the last one, or failed by; the passes
    at those before are the *earlier*.
    """

    alpha: float
    pass_alpha: float
    evidence: Evidence
    last: Evidence
    earlier: tuple[Evidence, ...]
    later: Evidence | None
    baselines: tuple[Baseline, ...]
    history_windows: int
    windows: int
    canary_since: float | None
    points: tuple[Point, ...]


def parted(columns: Columns) -> tuple[Columns, Columns]:
    """Stable's history, the leading rows without a canary; and the rest.

    Where no row has a canary there is nothing it would be the history of.
    """
    canary = np.flatnonzero(columns.canary_requests > 0)
    first = int(canary[0]) if len(canary) else 0
    return columns.rows(0, first), columns.rows(first, len(columns))


def replay(policy: AnalysisPolicy, columns: Columns) -> Replay:
    """Judge *columns*: leading rows without a canary are stable's history."""
    return judged(policy, *parted(columns))


def judged(policy: AnalysisPolicy, history: Columns, rest: Columns, trial: Trial = ALONE) -> Replay:
    """Judge *rest* against stable's *history*."""
    basis = baselines(policy, history)
    begun = Judge.begin(policy, basis, trial)
    judge = begun.after_all(rest)
    last = judge.now()
    decided = judge.failed or judge.passed if judge.begun else judge.first
    return Replay(
        alpha=policy.alpha,
        pass_alpha=policy.passing_alpha(judge.weight),
        evidence=decided or last,
        last=last,
        earlier=judge.earlier,
        later=judge.failed if judge.failed is not decided else None,
        baselines=basis,
        history_windows=len(history),
        windows=len(rest),
        canary_since=judge.first_canary_at,
        points=_points(begun, rest, decided),
    )


def _points(judge: Judge, rest: Columns, first: Evidence | None) -> tuple[Point, ...]:
    """How it went until the first verdict and a little on; to the end where there is none."""
    count = len(rest)
    if first is not None:
        count = min(count, int(SHOWN_ON * np.searchsorted(rest.ended_at, first.at)) + 2)
    step = max(1, -(-count // POINTS))
    points = []
    for start in range(0, count, step):
        judge = judge.after_all(rest.rows(start, min(count, start + step)))
        points.append(_point(judge))
    return tuple(points)


def _point(judge: Judge) -> Point:
    now = judge.weighing()
    seen = now.rows[0][0, SEEN:JUDGED].tolist()
    return Point(
        judge.at or 0.0,
        float(now.log_e_worse()[0]),
        float(now.log_e_safe()[0]),
        seen[STABLE_BAD] / seen[STABLE] if seen[STABLE] else None,
        seen[CANARY_BAD] / seen[CANARY] if seen[CANARY] else None,
    )
