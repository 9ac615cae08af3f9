"""Windows as columns of numbers: what a million of them are judged from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.measurements import Counts, Gap, Window
from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.base.errors import InputError

Array = NDArray[np.float64]
NO_GAP = -1
_GAPS = list(Gap)


@dataclass(frozen=True)
class Columns:
    """One row a window; *stable_slow* and *canary_slow* have one column a threshold.

    Counts are whole numbers below 2^53, kept as floats; *gaps* holds positions in `Gap`, or NO_GAP;
    *weights* is which of its weights the canary had.
    """

    started_at: Array
    ended_at: Array
    stable_requests: Array
    stable_errors: Array
    canary_requests: Array
    canary_errors: Array
    stable_slow: Array
    canary_slow: Array
    gaps: NDArray[np.int8]
    weights: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.started_at)

    @classmethod
    def of(cls, windows: Sequence[Window], thresholds: int = 0) -> "Columns":
        """*windows* as columns, for a policy with *thresholds* slow-request thresholds.

        Raises:
            InputError: If a window counts other thresholds.
        """
        for window in windows:
            if not len(window.stable.slow) == len(window.canary.slow) == thresholds:
                raise InputError(
                    f"a window counts {len(window.stable.slow)} and {len(window.canary.slow)} thresholds, "
                    f"the policy has {thresholds}"
                )
        stable, canary = [w.stable for w in windows], [w.canary for w in windows]
        return cls(
            _column(w.started_at for w in windows),
            _column(w.ended_at for w in windows),
            _column(c.requests for c in stable),
            _column(c.errors for c in stable),
            _column(c.requests for c in canary),
            _column(c.errors for c in canary),
            _slow(stable, thresholds),
            _slow(canary, thresholds),
            np.array([NO_GAP if w.gap is None else _GAPS.index(w.gap) for w in windows], dtype=np.int8),
            np.array([w.weight for w in windows], dtype=np.int8),
        )

    def rows(self, start: int, end: int) -> "Columns":
        """The rows from *start* up to *end*."""
        return Columns(**{f.name: getattr(self, f.name)[start:end] for f in fields(self)})

    def joined(self, later: "Columns") -> "Columns":
        """These rows and then those of *later*."""
        return Columns(
            **{f.name: np.concatenate([getattr(self, f.name), getattr(later, f.name)]) for f in fields(self)}
        )

    def grouped(self, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> "Columns":
        """One row for each of the groups that begin at *starts* and end at *ends*, which tell their gap."""
        counts = {
            f.name: np.add.reduceat(getattr(self, f.name), starts, axis=0)
            for f in fields(self)
            if f.name not in {"started_at", "ended_at", "gaps", "weights"}
        }
        return Columns(
            started_at=self.started_at[starts],
            ended_at=self.ended_at[ends],
            gaps=self.gaps[ends],
            weights=self.weights[ends],
            **counts,
        )

    def at_weight(self, weight: int) -> "Columns":
        """The same rows, counted at that *weight* of the canary."""
        return replace(self, weights=np.full(len(self), weight, dtype=np.int8))

    def by_weight(self) -> list["Columns"]:
        """The rows in stretches of one weight each."""
        cuts = [0, *(np.flatnonzero(np.diff(self.weights)) + 1).tolist(), len(self)]
        return [self.rows(start, end) for start, end in pairwise(cuts) if end > start]

    def bad(self, policy: AnalysisPolicy, objective: Objective) -> tuple[Array, Array]:
        """What *objective* counts against stable and canary, by window."""
        if objective.measure is Measure.ERRORS:
            return self.stable_errors, self.canary_errors
        position = [o for o in policy.objectives if o.measure is Measure.SLOW].index(objective)
        if position >= self.stable_slow.shape[1]:
            raise InputError(f"nothing was counted for {objective.name}")
        return self.stable_slow[:, position], self.canary_slow[:, position]

    def lost(self) -> NDArray[np.bool_]:
        """Which rows stand for a time that will never be known."""
        losing = np.array([gap.loses for gap in _GAPS])
        result: NDArray[np.bool_] = (self.gaps != NO_GAP) & losing[self.gaps]
        return result

    def gap(self, row: int) -> Gap | None:
        """The gap of *row*."""
        return None if self.gaps[row] == NO_GAP else _GAPS[self.gaps[row]]


def _column(values: Iterable[float]) -> Array:
    return np.array(list(values), dtype=np.float64)


def _slow(counts: Sequence[Counts], thresholds: int) -> Array:
    return np.array([c.slow for c in counts], dtype=np.float64).reshape(len(counts), thresholds)
