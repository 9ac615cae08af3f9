"""What a canary will take, found by running the test itself on traffic drawn beforehand."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.courses import FIRST_PIECE
from carelane.analysis.drawing import drawn
from carelane.analysis.judging import Judge
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.verdicts import Evidence
from carelane.base.errors import InputError

MOST_WINDOWS = 1800
HISTORY_WINDOWS = 3600


@dataclass(frozen=True)
class Question:
    """Stable's ratio, the canary's that is to be found, requests a second, and the canary's share.

    Windows are of a second, longer where *longest_seconds* would take more than `MOST_WINDOWS`.
    """

    stable_ratio: float
    detect_ratio: float
    rate: float
    weight: float
    longest_seconds: float = 1800.0
    history: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.stable_ratio < 1.0:
            raise InputError(f"stable's ratio is {self.stable_ratio}; it is from 0 to below 1")
        if not self.stable_ratio < self.detect_ratio <= 1.0:
            raise InputError(
                f"the ratio to detect, {self.detect_ratio}, has to be above stable's, {self.stable_ratio}"
            )
        if not 0.0 < self.rate <= 1e6:
            raise InputError(f"the rate is {self.rate} requests a second; it is above 0, up to a million")
        if not 0.0 < self.weight < 1.0:
            raise InputError(f"the weight is {self.weight}; it is between 0 and 1")
        if not 1.0 <= self.longest_seconds <= 30 * 86_400:
            raise InputError(f"the longest step is {self.longest_seconds} s; it is from a second to 30 days")

    @property
    def window_seconds(self) -> float:
        """How long each simulated window is."""
        return max(1.0, self.longest_seconds / MOST_WINDOWS)


@dataclass(frozen=True)
class Spread:
    """A figure's median and 90 % value over all simulated rollouts; None: not within the longest step."""

    median: float | None
    most: float | None

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Of *values*, infinite where it did not come to that."""
        ordered = sorted(values)
        middle, most = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.9))
        return cls(*(value if math.isfinite(value) else None for value in (middle, most)))


@dataclass(frozen=True)
class Plan:
    """How a bad and a clean canary will fare: seconds, users who see errors, shares of all rollouts."""

    traces: int
    found: float
    seconds_to_fail: Spread
    errors_until_fail: Spread
    passed: float
    seconds_to_pass: Spread
    false_alarms: int
    missed: int


def plan(policy: AnalysisPolicy, question: Question, generator: np.random.Generator, traces: int) -> Plan:
    """Judge *traces* bad and as many clean canaries, drawn with *generator*.

    *missed* is how many of the bad ones passed.
    """
    bad = [
        (judge.failed, judge.first)
        for judge in _rollouts(policy, question, question.detect_ratio, generator, traces)
    ]
    clean = list(_rollouts(policy, question, question.stable_ratio, generator, traces))
    to_fail = [_seconds(failed) for failed, _ in bad]
    to_pass = [_seconds(None if judge.failed else judge.passed) for judge in clean]
    return Plan(
        traces=traces,
        found=_share(to_fail),
        seconds_to_fail=Spread.of(to_fail),
        errors_until_fail=Spread.of([_errors(failed) for failed, _ in bad]),
        passed=_share(to_pass),
        seconds_to_pass=Spread.of(to_pass),
        false_alarms=sum(judge.failed is not None for judge in clean),
        missed=sum(first is not None and failed is not first for failed, first in bad),
    )


def _rollouts(
    policy: AnalysisPolicy, question: Question, canary: float, generator: np.random.Generator, traces: int
) -> Iterator[Judge]:
    count = math.ceil(question.longest_seconds / question.window_seconds)
    for _ in range(traces):
        history = _traffic(question, 0.0, 0.0, HISTORY_WINDOWS if question.history else 0, generator)
        judge = Judge.begin(policy, baselines(policy, history))
        columns = _traffic(question, question.weight, canary, count, generator)
        start, piece = 0, FIRST_PIECE
        while start < count and not judge.first:
            judge = judge.after_all(columns.rows(start, start + piece))
            start, piece = start + piece, 2 * piece
        yield judge


def _traffic(
    question: Question, weight: float, canary: float, count: int, generator: np.random.Generator
) -> Columns:
    rates = (question.rate * (1 - weight), question.rate * weight)
    return drawn(rates, (question.stable_ratio, canary), 0.0, question.window_seconds, count, generator)


def _seconds(evidence: Evidence | None) -> float:
    return math.inf if evidence is None else evidence.at


def _errors(evidence: Evidence | None) -> float:
    return math.inf if evidence is None else float(evidence.objectives[0].canary_bad)


def _share(values: list[float]) -> float:
    return sum(math.isfinite(value) for value in values) / len(values)
