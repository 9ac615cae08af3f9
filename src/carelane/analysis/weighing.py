"""All objectives together: the e-values of failing are averaged, those of passing must all suffice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carelane.analysis import likelihoods
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.reproducible import log, log_sum_exp
from carelane.analysis.sequential import CANARY, JUDGED, STABLE, STABLE_BAD, Design
from carelane.analysis.trials import Trial
from carelane.analysis.verdicts import Reason

Array = NDArray[np.float64]
CATASTROPHE_SHARE = 0.1
CEILING_SHARE = 0.2


@dataclass(frozen=True)
class Part:
    """One reason to fail for one objective, counted since one weight began: its share, its points by row."""

    objective: int
    reason: Reason
    since: int
    log_share: float
    points: Array


@dataclass(frozen=True)
class Begun:
    """A later weight of the canary: which it is, and the sums of each objective where it began."""

    weight: int
    sums: Sequence[Array]


@dataclass(frozen=True)
class Weighing:
    """The rows of sums of each objective after some windows, all of them at one weight of the canary.

    *lost* are the sums at the last reset since that weight began, *begun* the later weights so far.
    """

    policy: AnalysisPolicy
    trial: Trial
    designs: Sequence[Design]
    rows: Sequence[Array]
    lost: Sequence[Array] | None = None
    begun: Sequence[Begun] = ()

    @cached_property
    def weight(self) -> int:
        """Which of its weights the canary has, counted from 0."""
        return self.begun[-1].weight if self.begun else 0

    @property
    def fails_at(self) -> float:
        """What log E of the deployment has to reach."""
        return float(-log(self.policy.alpha))

    @property
    def passes_at(self) -> float:
        """What log E for the canary's being safe has to reach, since its weight began."""
        return float(-log(self.policy.passing_alpha(self.weight)))

    def at(self, index: NDArray[np.intp]) -> "Weighing":
        """Only the rows at *index*."""
        lost = None if self.lost is None else [rows[index] if len(rows) > 1 else rows for rows in self.lost]
        return replace(self, rows=[rows[index] for rows in self.rows], lost=lost)

    def since(self, weight: int) -> list[Array]:
        """The rows of each objective since *weight* began; 0: since the canary's first request."""
        for begun in self.begun:
            if begun.weight == weight:
                return [rows - sums for rows, sums in zip(self.rows, begun.sums, strict=True)]
        return list(self.rows)

    @cached_property
    def since_weight(self) -> list[Array]:
        """The rows of each objective since the present weight began."""
        return self.since(self.weight)

    @cached_property
    def parts(self) -> list[Part]:
        """Every reason to fail, since the first request and anew since each later weight began."""
        counted = [0, *(begun.weight for begun in self.begun if self.trial.share(begun.weight))]
        return [part for since in counted for part in self._parts(since)]

    @cached_property
    def _compared(self) -> list[Array]:
        return [likelihoods.compared(d, rows) for d, rows in zip(self.designs, self.rows, strict=True)]

    def _compared_since(self, index: int, since: int) -> Array:
        """Sums of differences: what was there when the weight began is taken from what is there."""
        for begun in self.begun:
            if begun.weight == since:
                before = likelihoods.compared(self.designs[index], begun.sums[index][None, :])
                return self._compared[index] - before
        return self._compared[index]

    def _parts(self, since: int) -> list[Part]:
        total = sum(o.weight for o in self.policy.objectives)
        found = []
        for index, design in enumerate(self.designs):
            share = design.objective.weight / total * self.trial.share(since)
            left = 1.0
            if self.policy.warm_up_seconds:
                left -= CATASTROPHE_SHARE
                points = likelihoods.catastrophic(design, self.since(since)[index])
                found.append(Part(index, Reason.CATASTROPHE, since, _log(share * CATASTROPHE_SHARE), points))
            if design.ceiling:
                left -= CEILING_SHARE
                rows = self.since(since)[index]
                points = likelihoods.above_ceiling(design, rows, CANARY)
                points[_stable_above(design, rows)] = -np.inf
                found.append(Part(index, Reason.ABOVE_CEILING, since, _log(share * CEILING_SHARE), points))
            points = likelihoods.weighed(design, self._compared_since(index, since))
            found.append(Part(index, Reason.WORSE_THAN_STABLE, since, _log(share * left), points))
        return found

    def stable_above(self, index: int) -> NDArray[np.bool_]:
        """Whether stable's own ratio, since the weight began, is above the ceiling of an objective."""
        return _stable_above(self.designs[index], self.since_weight[index])

    def worse_bound(self) -> Array:
        """At least `log_e_deployment`, and cheap."""
        highest = [part.points.max(axis=1) + part.log_share for part in self.parts]
        highest += [np.full(len(self.rows[0]), share) for share in self._not_begun]
        terms = sum(part.points.shape[1] for part in self.parts) + len(self._not_begun)
        return self._with_others(np.max(highest, axis=0) + _most(terms))

    def log_e_worse(self) -> Array:
        """The mean over all reasons and objectives, by their shares."""
        rest = [np.full(len(self.rows[0]), share) for share in self._not_begun]
        return log_sum_exp(np.stack([*self.by_part(), *rest], axis=1))

    @cached_property
    def _not_begun(self) -> list[float]:
        """The shares of the weights that have not begun: nothing was wagered yet, E is 1."""
        begun = {begun.weight for begun in self.begun}
        later = range(1, self.trial.later + 1)
        return [_log(self.trial.share(weight)) for weight in later if weight not in begun]

    def log_e_deployment(self) -> Array:
        """The mean over the deployment's services, which share alpha."""
        return self._with_others(self.log_e_worse())

    def _with_others(self, log_e: Array) -> Array:
        if not self.trial.others:
            return log_e
        others = np.broadcast_to(np.array(self.trial.others), (len(log_e), len(self.trial.others)))
        return log_sum_exp(np.concatenate([log_e[:, None], others], axis=1)) - _log(self.trial.services)

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
        design, since = self.designs[index], self.since_weight[index]
        sums = [since] if self.lost is None else [since, self.rows[index] - self.lost[index]]
        found = [likelihoods.safe(design, rows) for rows in sums]
        if design.ceiling:
            found += [likelihoods.below_ceiling(design, rows) for rows in sums]
            found[-1][self.stable_above(index)] = -np.inf
        return found


def _stable_above(design: Design, rows: Array) -> NDArray[np.bool_]:
    ceiling = design.objective.ceiling
    if ceiling is None:
        return np.zeros(len(rows), dtype=np.bool_)
    above: NDArray[np.bool_] = rows[:, JUDGED + STABLE_BAD] > ceiling * rows[:, JUDGED + STABLE]
    return above


def _most(terms: int) -> float:
    """The logarithm of how many times its largest term a sum can be, and a little for rounding."""
    return math.log(terms) + 1e-6


def _log(share: float) -> float:
    return float(log(share))
