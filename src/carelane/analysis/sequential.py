"""The test: evidence that stays valid however often one looks at it.

Every likelihood ratio here has mean <= 1 in each window under its null hypothesis, given what came
before, so the probability that a mean of their products ever reaches 1/alpha is at most alpha
(Ville). docs/analysis.md has the proofs. All is computed from sums over windows, added in order, so
that one window added to a million gives the same bits as a million at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carelane.analysis import alternatives
from carelane.analysis.alternatives import Alone, Baseline, Mixture
from carelane.analysis.objectives import Objective
from carelane.analysis.reproducible import log

Array = NDArray[np.float64]

# The columns of a row of sums: four counts of every window; four of those that are judged (after the
# warm-up, both versions with requests); four of all with both; the rate ratio's two Mantel-Haenszel
# sums; then the logarithms that the likelihoods need.
SEEN, JUDGED, EARLY, RATE = 0, 4, 8, 12
FIXED = 14
CANARY, CANARY_BAD, STABLE, STABLE_BAD = 0, 1, 2, 3
FEW = 64


@dataclass(frozen=True)
class Design:
    """What one objective is tested against; made once, at the canary's first request."""

    objective: Objective
    baseline: Baseline
    mixture: Mixture
    ratios: Array
    log_ratios: Array
    level: slice
    level_ratio: Array
    levels: Array
    log_canary_good: Array
    log_stable_good: Array
    floor: Alone
    catastrophe: Alone
    ceiling: tuple[Alone, Alone] | None
    safe: NDArray[np.intp]
    log_safe_weight: Array

    @classmethod
    def of(cls, objective: Objective, baseline: Baseline, edition: int = alternatives.EDITION) -> "Design":
        """For *objective*, with what stable's history says, by that *edition* of the prior."""
        mixture = alternatives.worse(baseline, edition)
        ratios = np.concatenate(
            [
                alternatives.CATASTROPHE_RATIOS,
                alternatives.ratio_grid(),
                [objective.bad_ratio],
                mixture.ratio,
            ]
        )
        # The points on the errors' split alone come first.
        level = slice(int((mixture.stable == 0).sum()), len(mixture.stable))
        stable, ratio = mixture.stable[level], mixture.ratio[level]
        safe, weight = alternatives.safe_ratios(objective.bad_ratio)
        ceiling = objective.ceiling
        return cls(
            objective=objective,
            baseline=baseline,
            mixture=mixture,
            ratios=ratios,
            log_ratios=log(ratios),
            level=level,
            level_ratio=ratio,
            levels=stable,
            log_canary_good=log(1.0 - stable * ratio),
            log_stable_good=log(1.0 - stable),
            floor=alternatives.below(objective.floor),
            catastrophe=alternatives.above(alternatives.CATASTROPHE_FLOOR),
            ceiling=(alternatives.above(ceiling), alternatives.below(ceiling)) if ceiling else None,
            safe=safe,
            log_safe_weight=log(weight),
        )

    @property
    def early(self) -> slice:
        """Where a row has the catastrophe's rate ratios, the one to be exceeded first."""
        return slice(FIXED, FIXED + len(alternatives.CATASTROPHE_RATIOS))

    @property
    def grid(self) -> slice:
        """Where a row has the grid of rate ratios, and after it the bad one."""
        return slice(self.early.stop, self.early.stop + len(alternatives.LOG_RATIOS) + 1)

    @property
    def points(self) -> slice:
        """Where a row has the mixture's rate ratios."""
        return slice(self.grid.stop, FIXED + len(self.ratios))

    @property
    def goods(self) -> slice:
        """Where a row has the mixture's points with a level of stable's."""
        return slice(self.points.stop, self.points.stop + len(self.levels))

    def nothing(self) -> Array:
        """The sums before the first window."""
        return np.zeros(self.goods.stop)

    def log_of_shares(self, shares: Array) -> Array:
        """For each of *shares* and each rate ratio: of 1 + (ratio - 1) share."""
        return log(1.0 + (self.ratios - 1.0) * shares[:, None])

    def log_of_good(self, shares: Array) -> Array:
        """For each of *shares* and each point with a level: of the probability that all goes well."""
        return log(1.0 - self.levels * (1.0 + (self.level_ratio - 1.0) * shares[:, None]))

    def log_ratio(self, part: slice) -> Array:
        """The logarithms of the rate ratios in *part* of a row."""
        return self.log_ratios[part.start - FIXED : part.stop - FIXED]


@dataclass(frozen=True)
class Tallies:
    """Counts of one objective by window; *late* says which windows are after the warm-up."""

    canary: Array
    canary_bad: Array
    stable: Array
    stable_bad: Array
    late: NDArray[np.bool_]


def add(design: Design, sums: Array, tallies: Tallies) -> Array:
    """The rows of sums after each window, from *sums* on."""
    seen = np.stack([tallies.canary, tallies.canary_bad, tallies.stable, tallies.stable_bad], axis=1)
    both = (tallies.canary > 0) & (tallies.stable > 0)
    judged = both & tallies.late
    share = tallies.canary / np.maximum(tallies.canary + tallies.stable, 1.0)
    rows = np.empty((len(seen), len(sums)), order="F")
    counts = np.empty((len(seen), FIXED), order="F")
    counts[:, SEEN:JUDGED] = seen
    counts[:, JUDGED:EARLY] = seen * judged[:, None]
    counts[:, EARLY:RATE] = seen * both[:, None]
    counts[:, RATE] = tallies.canary_bad * (1 - share) * judged
    counts[:, RATE + 1] = tallies.stable_bad * share * judged
    rows[:, :FIXED] = _summed(sums[:FIXED], counts)
    rows[:, FIXED : design.points.stop] = _splits(design, sums, counts, share, judged)
    good = counts[:, JUDGED + CANARY] - counts[:, JUDGED + CANARY_BAD]
    good += counts[:, JUDGED + STABLE] - counts[:, JUDGED + STABLE_BAD]
    goods = _by_share(share * judged, design.log_of_good)
    goods *= good[:, None]
    rows[:, design.goods] = _summed(sums[design.goods], goods)
    return rows


def _summed(sums: Array, new: Array) -> Array:
    """*sums* and one after the other of *new*: in order, so that the bits do not depend on how many."""
    # Columns lie together: adding up goes along them.
    rows = np.empty((len(new) + 1, len(sums)), order="F")
    rows[0], rows[1:] = sums, new
    return np.add.accumulate(rows, axis=0, out=rows)[1:]


def _splits(design: Design, sums: Array, counts: Array, share: Array, judged: NDArray[np.bool_]) -> Array:
    """The sums of how bad requests are split; only windows that have any add to them."""
    events = counts[:, EARLY + CANARY_BAD] + counts[:, EARLY + STABLE_BAD]
    index = np.flatnonzero(events)
    new = _by_share(share[index], design.log_of_shares) * events[index, None]
    new[:, len(alternatives.CATASTROPHE_RATIOS) :] *= judged[index, None]
    before = sums[FIXED : design.points.stop]
    summed = np.concatenate([before[None, :], _summed(before, new)])
    result: Array = summed.take(np.add.accumulate(events > 0), axis=0)
    return result


def _by_share(shares: Array, logarithms: Callable[[Array], Array]) -> Array:
    """*logarithms* of each of *shares*; where there are many, few differ, and each is computed once."""
    if len(shares) < FEW:
        return logarithms(shares)
    distinct, position = np.unique(shares, return_inverse=True)
    result: Array = logarithms(distinct).take(position, axis=0)
    return result
