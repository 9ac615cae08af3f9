"""Judging traffic that was recorded, as it would have been judged live."""

from dataclasses import dataclass

import numpy as np

from carelane.analysis.alternatives import Baseline, baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.verdicts import Evidence

POINTS = 120


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
    """What judging a recording came to: *evidence* is of its first verdict, *last* of its end."""

    evidence: Evidence
    last: Evidence
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


def judged(policy: AnalysisPolicy, history: Columns, rest: Columns) -> Replay:
    """Judge *rest* against stable's *history*."""
    basis = baselines(policy, history)
    judge = Judge.begin(policy, basis)
    points = []
    step = max(1, -(-len(rest) // POINTS))
    for start in range(0, len(rest), step):
        judge = judge.after_all(rest.rows(start, start + step))
        points.append(_point(judge.now()))
    last = judge.now()
    return Replay(
        evidence=judge.first or last,
        last=last,
        later=judge.failed if judge.passed else None,
        baselines=basis,
        history_windows=len(history),
        windows=len(rest),
        canary_since=judge.first_canary_at,
        points=tuple(points),
    )


def _point(evidence: Evidence) -> Point:
    errors = evidence.objectives[0]
    return Point(
        evidence.at,
        evidence.log_e_worse,
        evidence.log_e_safe,
        errors.stable_bad / evidence.stable_requests if evidence.stable_requests else None,
        errors.canary_bad / evidence.canary_requests if evidence.canary_requests else None,
    )
