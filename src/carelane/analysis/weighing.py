"""All objectives together: the e-values of failing are averaged, those of passing must all suffice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carelane.analysis import likelihoods
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.reproducible import log, log_sum_exp
from carelane.analysis.sequential import CANARY, JUDGED, STABLE, STABLE_BAD, Design
from carelane.analysis.verdicts import Reason

Array = NDArray[np.float64]
CATASTROPHE_SHARE = 0.1
CEILING_SHARE = 0.2


@dataclass(frozen=True)
class Part:
    """One reason to fail for one objective: its share of the average, and its points by row."""

    objective: int
    reason: Reason
    log_share: float
    points: Array


@dataclass(frozen=True)
class Weighing:
    """The rows of sums of each objective after some windows; *lost* are those at the last reset."""

    policy: AnalysisPolicy
    designs: Sequence[Design]
    rows: Sequence[Array]
    lost: Sequence[Array] | None = None

    @cached_property
    def threshold(self) -> float:
        """What log E has to reach."""
        return float(-log(self.policy.alpha))

    def at(self, index: NDArray[np.intp]) -> "Weighing":
        """Only the rows at *index*."""
        lost = None if self.lost is None else [rows[index] if len(rows) > 1 else rows for rows in self.lost]
        return Weighing(self.policy, self.designs, [rows[index] for rows in self.rows], lost)

    @cached_property
    def parts(self) -> list[Part]:
        """Every reason to fail."""
        total = sum(o.weight for o in self.policy.objectives)
        found = []
        for index, (design, rows) in enumerate(zip(self.designs, self.rows, strict=True)):
            share = design.objective.weight / total
            left = 1.0
            if self.policy.warm_up_seconds:
                left -= CATASTROPHE_SHARE
                points = likelihoods.catastrophic(design, rows)
                found.append(_part(index, Reason.CATASTROPHE, share * CATASTROPHE_SHARE, points))
            if design.ceiling:
                left -= CEILING_SHARE
                found.append(_part(index, Reason.ABOVE_CEILING, share * CEILING_SHARE, self._above(index)))
            found.append(
                _part(index, Reason.WORSE_THAN_STABLE, share * left, likelihoods.worse(design, rows))
            )
        return found

    def _above(self, index: int) -> Array:
        """Evidence that the canary is above the ceiling; none while stable's own ratio is."""
        design, rows = self.designs[index], self.rows[index]
        points = likelihoods.above_ceiling(design, rows, CANARY)
        points[self.stable_above(index)] = -np.inf
        return points

    def stable_above(self, index: int) -> NDArray[np.bool_]:
        """Whether stable's own ratio is above the ceiling of the objective at *index*."""
        design, rows = self.designs[index], self.rows[index]
        ceiling = design.objective.ceiling
        if ceiling is None:
            return np.zeros(len(rows), dtype=np.bool_)
        above: NDArray[np.bool_] = rows[:, JUDGED + STABLE_BAD] > ceiling * rows[:, JUDGED + STABLE]
        return above

    def worse_bound(self) -> Array:
        """At least `log_e_worse`, and cheap."""
        highest = [part.points.max(axis=1) + part.log_share for part in self.parts]
        bound: Array = np.max(highest, axis=0) + _most(sum(part.points.shape[1] for part in self.parts))
        return bound

    def log_e_worse(self) -> Array:
        """The mean over all reasons and objectives, by their shares."""
        return log_sum_exp(np.stack(self.by_part(), axis=1))

    def by_part(self) -> list[Array]:
        """The share of each part in `log_e_worse`."""
        return [log_sum_exp(part.points) + part.log_share for part in self.parts]

    def safe_bound(self) -> Array:
        """At least `log_e_safe`, and cheap."""
        every = [points for i in range(len(self.rows)) for points in self._safe(i)]
        bound: Array = np.min([p.max(axis=1) + _most(p.shape[1]) for p in every], axis=0)
        return bound

    def log_e_safe(self) -> Array:
        """The least over all objectives: passing takes every one of them, so none needs a share of alpha."""
        least: Array = np.min(self.safe_by_objective(), axis=0)
        return least

    def safe_by_objective(self) -> list[Array]:
        """The least of what each objective needs for passing."""
        return [np.min([log_sum_exp(p) for p in self._safe(i)], axis=0) for i in range(len(self.rows))]

    def _safe(self, index: int) -> list[Array]:
        design, rows = self.designs[index], self.rows[index]
        sums = [rows] if self.lost is None else [rows, rows - self.lost[index]]
        found = [likelihoods.safe(design, rows) for rows in sums]
        if design.ceiling:
            found += [likelihoods.below_ceiling(design, rows) for rows in sums]
            found[-1][self.stable_above(index)] = -np.inf
        return found


def _most(terms: int) -> float:
    """The logarithm of how many times its largest term a sum can be, and a little for rounding."""
    return math.log(terms) + 1e-6


def _part(objective: int, reason: Reason, share: float, points: Array) -> Part:
    return Part(objective, reason, float(log(share)), points)
