"""How long a healthy canary takes on its way through its weights: the judge itself, on drawn traffic."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.drawing import drawn
from carelane.analysis.judging import Judge
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.trials import Trial

# Judged in pieces that double: what is bad is found at once, what is clean takes long.
FIRST_PIECE = 64
HISTORY_SECONDS = 3600.0
LONGEST_SECONDS = 4 * 3600.0
LONGEST_WINDOW_SECONDS = 10.0


@dataclass(frozen=True)
class Leg:
    """A part of the way at one weight (counted from 0): an *analysis*, over with a pass, or a pause.

    *seconds* is how long the analysis is waited for at most, or how long the pause is.
    """

    weight: int
    seconds: float
    analysis: bool = True


@dataclass(frozen=True)
class Went:
    """How one canary went: the seconds of each leg, infinite from the one on that did not end by itself."""

    seconds: tuple[float, ...]
    judge: Judge

    @property
    def whole_seconds(self) -> float:
        """All legs together."""
        return math.fsum(self.seconds)


Draw = Callable[[int, float, int], Columns]
"""Windows at a weight, from a moment on (seconds since the canary's first), so many."""


def gone(judge: Judge, legs: Sequence[Leg], draw: Draw) -> Went:
    """Go the *legs* until one does not end by itself: the canary fails, or nothing is shown in time."""
    at, took = 0.0, [math.inf] * len(legs)
    for number, leg in enumerate(legs):
        judge, ended = _gone_on(judge, leg, at, draw)
        if judge.failed or (leg.analysis and not _passed(judge, leg)):
            break
        took[number], at = ended - at, ended
    return Went(tuple(took), judge)


def _gone_on(judge: Judge, leg: Leg, at: float, draw: Draw) -> tuple[Judge, float]:
    """The judge at the end of *leg*, and when that is."""
    end, piece = at + leg.seconds, FIRST_PIECE
    while at < end and not judge.failed and not (leg.analysis and _passed(judge, leg)):
        columns = draw(leg.weight, at, piece)
        columns = columns.rows(0, max(1, int((columns.ended_at <= end).sum())))
        after = judge.after_all(columns)
        if leg.analysis and after.passed and _passed(after, leg):
            # What was drawn beyond the pass belongs to the next weight.
            columns = columns.rows(0, int((columns.ended_at <= after.passed.at).sum()))
            after = judge.after_all(columns)
        judge, at, piece = after, float(columns.ended_at[-1]), 2 * piece
    return judge, at


def _passed(judge: Judge, leg: Leg) -> bool:
    return judge.passed is not None and judge.weight >= leg.weight


@dataclass(frozen=True)
class Users:
    """Their requests a second, > 0, the share that fails, 0..1, and over how long that was counted."""

    rate: float
    error_ratio: float = 0.0
    history_seconds: float = HISTORY_SECONDS


def healthy(
    judged_by: tuple[AnalysisPolicy, Trial],
    legs: Sequence[Leg],
    users: Users,
    generator: np.random.Generator,
    traces: int,
) -> tuple[Went, ...]:
    """*traces* canaries as good as stable, each analysis waited for `LONGEST_SECONDS` at least.

    Requests slower than a threshold are taken to be none.
    """
    policy, trial = judged_by
    rate, both = users.rate, (users.error_ratio, users.error_ratio)
    patient = [Leg(leg.weight, max(leg.seconds, LONGEST_SECONDS)) if leg.analysis else leg for leg in legs]
    thresholds = len(policy.thresholds_ms)

    def draw(weight: int, at: float, count: int) -> Columns:
        share = trial.weights[weight] / 100
        seconds = min(max(1.0, 1.0 / (rate * share)), LONGEST_WINDOW_SECONDS)
        columns = drawn((rate * (1 - share), rate * share), both, at, seconds, count, generator, thresholds)
        return columns.at_weight(weight)

    found = []
    for _ in range(traces):
        history = drawn((rate, 0.0), both, 0.0, 1.0, int(users.history_seconds), generator, thresholds)
        found.append(gone(Judge.begin(policy, baselines(policy, history), trial), patient, draw))
    return tuple(found)
