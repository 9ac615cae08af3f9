"""The judge: takes window after window, and comes to a verdict that is kept.

    judge = Judge.begin(policy, baselines(policy, history), Trial((10, 25, 50)))
    judge = judge.after(window)      # at every tick
    judge.evidence()                 # verdict, counts, interval, words

A judge never changes; the next one is returned. `judge_all` takes many windows at once and ends in
the same state, bit for bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carelane.analysis import evidence
from carelane.analysis.alternatives import Baseline
from carelane.analysis.columns import Columns
from carelane.analysis.measurements import Gap, Window
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.pooling import pooled
from carelane.analysis.sequential import JUDGED, SEEN, Design, Tallies, add
from carelane.analysis.trials import ALONE, Trial
from carelane.analysis.verdicts import Evidence, Verdict
from carelane.analysis.weighing import Begun, Weighing
from carelane.base.errors import InputError

Array = NDArray[np.float64]
CHUNK = 4096


@dataclass(frozen=True)
class Judge:
    """What is known after some windows: sums an objective, and what was decided.

    *passed* and *failed* are the evidence at the window that decided so. What has passed can still
    fail: the probability of a false alarm is that of the whole deployment. A pass holds for the weight
    that it was seen at: where a later one begins it is one of the *earlier*.
    """

    policy: AnalysisPolicy
    trial: Trial
    designs: tuple[Design, ...]
    sums: tuple[Array, ...]
    lost: tuple[Array, ...] | None = None
    first_canary_at: float | None = None
    at: float | None = None
    gap: Gap | None = None
    open_pool: Columns | None = None
    begun: tuple[Begun, ...] = ()
    earlier: tuple[Evidence, ...] = ()
    passed: Evidence | None = None
    failed: Evidence | None = None

    @classmethod
    def begin(cls, policy: AnalysisPolicy, baselines: Sequence[Baseline], trial: Trial = ALONE) -> "Judge":
        """Before the canary's first request.

        Raises:
            InputError: If there is not one baseline an objective.
        """
        if len(baselines) != len(policy.objectives):
            raise InputError(f"{len(baselines)} baselines for {len(policy.objectives)} objectives")
        designs = tuple(
            Design.of(o, b, trial.edition) for o, b in zip(policy.objectives, baselines, strict=True)
        )
        return cls(policy, trial, designs, tuple(design.nothing() for design in designs))

    def after(self, window: Window) -> "Judge":
        """With one more window.

        Raises:
            InputError: If it counts other thresholds than the policy has, or begins before the last ended.
        """
        return self.after_all(Columns.of([window], len(self.policy.thresholds_ms)))

    def after_all(self, columns: Columns) -> "Judge":
        """With more windows, oldest first."""
        judge = self
        for start in range(0, len(columns), CHUNK):
            judge = judge._after(columns.rows(start, start + CHUNK))
        return judge

    def _after(self, columns: Columns) -> "Judge":
        judge = replace(
            self,
            first_canary_at=self._first_canary(columns),
            at=float(columns.ended_at[-1]),
            gap=columns.gap(-1),
        )
        pools, rest = pooled(self.open_pool.joined(columns) if self.open_pool is not None else columns)
        judge = replace(judge, open_pool=rest)
        for pool in pools.by_weight():
            judge = judge._at_weight(pool)._after_pools(pool)  # noqa: SLF001 - a judge itself
        return judge._at_weight(rest) if len(rest) else judge  # noqa: SLF001 - as above

    @property
    def weight(self) -> int:
        """Which of its weights the canary has, counted from 0, as far as windows were seen."""
        return self.begun[-1].weight if self.begun else 0

    def _at_weight(self, columns: Columns) -> "Judge":
        """Where *columns* are of a later weight it begins: a pass has to be earned by what comes since."""
        weight = int(columns.weights[0])
        if weight <= self.weight:
            return self
        return replace(
            self,
            begun=(*self.begun, Begun(weight, self.sums)),
            lost=None,
            earlier=self.earlier if self.passed is None else (*self.earlier, self.passed),
            passed=None,
        )

    def _after_pools(self, pools: Columns) -> "Judge":
        warm = (self.first_canary_at or 0.0) + self.policy.warm_up_seconds
        late = (
            pools.started_at >= warm if self.policy.warm_up_seconds else np.ones(len(pools), dtype=np.bool_)
        )
        rows = [
            add(design, sums, self._tallies(design, pools, late))
            for design, sums in zip(self.designs, self.sums, strict=True)
        ]
        lost = self._lost(pools, rows)
        judge = replace(
            self,
            sums=tuple(r[-1] for r in rows),
            lost=None if lost is None else tuple(r[-1] for r in lost),
        )
        weighing = Weighing(self.policy, self.trial, self.designs, rows, lost, self.begun)
        return judge._decided(weighing, pools)  # noqa: SLF001 - as above

    def _first_canary(self, columns: Columns) -> float | None:
        if self.first_canary_at is not None:
            return self.first_canary_at
        index = np.flatnonzero(columns.canary_requests > 0)
        return float(columns.started_at[index[0]]) if len(index) else None

    def _tallies(self, design: Design, columns: Columns, late: NDArray[np.bool_]) -> Tallies:
        stable_bad, canary_bad = columns.bad(self.policy, design.objective)
        return Tallies(columns.canary_requests, canary_bad, columns.stable_requests, stable_bad, late)

    def _lost(self, columns: Columns, rows: list[Array]) -> list[Array] | None:
        """The sums at the last reset before each window, or where its weight began; None without a reset."""
        resets = np.flatnonzero(columns.lost())
        if not len(resets):
            return None if self.lost is None else [row[None, :] for row in self.lost]
        last = np.searchsorted(resets, np.arange(len(columns)), side="right") - 1
        began = self.begun[-1].sums if self.begun else tuple(design.nothing() for design in self.designs)
        before = self.lost or began
        return [
            np.where(last[:, None] >= 0, r[resets[np.maximum(last, 0)]], row)
            for r, row in zip(rows, before, strict=True)
        ]

    def _decided(self, weighing: Weighing, columns: Columns) -> "Judge":
        judge = self
        if judge.failed is None:
            row = _first(weighing, weighing.worse_bound(), Weighing.log_e_deployment, weighing.fails_at)
            if row is not None:
                found = evidence.decided(Verdict.FAIL, weighing, row, float(columns.ended_at[row]))
                judge = replace(judge, failed=found)
        if judge.passed is None and self.failed is None:
            row = _first(weighing, weighing.safe_bound(), Weighing.log_e_safe, weighing.passes_at)
            at = None if row is None else float(columns.ended_at[row])
            if row is not None and at is not None and (judge.failed is None or at < judge.failed.at):
                judge = replace(judge, passed=evidence.decided(Verdict.PASS, weighing, row, at))
        return judge

    @property
    def verdict(self) -> Verdict:
        """Fail wins over pass; each is kept once reached, a pass until another weight begins."""
        if self.failed:
            return Verdict.FAIL
        return Verdict.PASS if self.passed else Verdict.INCONCLUSIVE

    @property
    def first(self) -> Evidence | None:
        """What was decided first, and would have been acted on."""
        return next(iter(self.earlier), self.passed or self.failed)

    def evidence(self) -> Evidence:
        """The verdict, with the evidence at the window that decided it; with today's while none has."""
        return self.failed or self.passed or self.now()

    def against(self) -> Evidence:
        """What speaks most against the canary after the last window, as where it had failed by that."""
        at = self.at or 0.0
        return evidence.decided(Verdict.FAIL, self.weighing(), 0, at)

    def now(self) -> Evidence:
        """The evidence after the last window, whatever was decided before."""
        weighing = self.weighing()
        warming = self.first_canary_at is not None and (
            (self.at or 0.0) <= self.first_canary_at + self.policy.warm_up_seconds
        )
        return evidence.undecided(weighing, self.at or 0.0, self.gap, warming=warming)

    def weighing(self) -> Weighing:
        """What speaks for and against the canary after the last window, in one row."""
        rows = [sums[None, :] for sums in self._seen()]
        lost = None if self.lost is None else [row[None, :] for row in self.lost]
        return Weighing(self.policy, self.trial, self.designs, rows, lost, self.begun)

    def _seen(self) -> list[Array]:
        """The sums, with what is not judged yet among what was seen."""
        if self.open_pool is None or not len(self.open_pool):
            return list(self.sums)
        every = np.ones(len(self.open_pool), dtype=np.bool_)
        found = []
        for design, sums in zip(self.designs, self.sums, strict=True):
            waiting = add(design, design.nothing(), self._tallies(design, self.open_pool, every))[-1]
            seen = sums.copy()
            seen[SEEN:JUDGED] += waiting[SEEN:JUDGED]
            found.append(seen)
        return found


def judge_all(
    policy: AnalysisPolicy, baselines: Sequence[Baseline], columns: Columns, trial: Trial = ALONE
) -> Judge:
    """The judge after all of *columns*: the same bits as window by window."""
    return Judge.begin(policy, baselines, trial).after_all(columns)


def _first(weighing: Weighing, bound: Array, exact: Callable[[Weighing], Array], wanted: float) -> int | None:
    """The first row whose log E reaches what is *wanted*; only rows whose bound does are looked at."""
    near = np.flatnonzero(bound >= wanted)
    if not len(near):
        return None
    reached = np.flatnonzero(exact(weighing.at(near)) >= wanted)
    return int(near[reached[0]]) if len(reached) else None
