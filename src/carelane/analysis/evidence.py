"""From sums to evidence that a person can read."""

import numpy as np

from carelane.analysis import intervals
from carelane.analysis.measurements import Gap
from carelane.analysis.sequential import CANARY, CANARY_BAD, SEEN, STABLE, STABLE_BAD
from carelane.analysis.verdicts import Evidence, ObjectiveEvidence, Reason, Verdict
from carelane.analysis.weighing import Weighing

_OF_GAP = {
    Gap.UNREACHABLE: Reason.STATISTICS_UNREACHABLE,
    Gap.STABLE_MISSING: Reason.STABLE_MISSING,
    Gap.CANARY_MISSING: Reason.CANARY_MISSING,
    Gap.INCONSISTENT: Reason.STATISTICS_INCONSISTENT,
    Gap.RESET: Reason.STATISTICS_RESET,
}


def decided(verdict: Verdict, weighing: Weighing, row: int, at: float) -> Evidence:
    """The evidence at *row*, where *verdict* was reached."""
    one = weighing.at(np.array([row]))
    if verdict is Verdict.PASS:
        return _evidence(one, verdict, (Reason.SAFE,), at, at)
    return _evidence(one, verdict, (_leading(one)[1],), at, at)


def undecided(weighing: Weighing, at: float, gap: Gap | None, *, warming: bool) -> Evidence:
    """The evidence now, with why it does not suffice."""
    reasons = tuple(_reasons(weighing, gap, warming=warming))
    return _evidence(weighing, Verdict.INCONCLUSIVE, reasons, at, None)


def _reasons(weighing: Weighing, gap: Gap | None, *, warming: bool) -> list[Reason]:
    counts = weighing.rows[0][0]
    canary, stable = counts[SEEN + CANARY] > 0, counts[SEEN + STABLE] > 0
    reasons = [_OF_GAP[gap]] if gap else []
    if not canary and not stable:
        reasons.append(Reason.NO_REQUESTS)
    elif not canary:
        reasons.append(Reason.NO_CANARY_REQUESTS)
    elif not stable:
        reasons.append(Reason.NO_STABLE_REQUESTS)
    if warming:
        reasons.append(Reason.WARMING_UP)
    if weighing.lost is not None and Reason.STATISTICS_RESET not in reasons:
        reasons.append(Reason.STATISTICS_RESET)
    if any(bool(weighing.stable_above(i)[0]) for i in range(len(weighing.rows))):
        reasons.append(Reason.STABLE_ABOVE_CEILING)
    return reasons or [Reason.NOT_ENOUGH_REQUESTS]


def _leading(one: Weighing) -> tuple[int, Reason]:
    shares = [float(part[0]) for part in one.by_part()]
    part = one.parts[shares.index(max(shares))]
    return part.objective, part.reason


def _evidence(
    one: Weighing, verdict: Verdict, reasons: tuple[Reason, ...], at: float, decided_at: float | None
) -> Evidence:
    counts = one.rows[0][0]
    safe = one.safe_by_objective()
    leading = int(np.argmin([s[0] for s in safe])) if verdict is Verdict.PASS else _leading(one)[0]
    return Evidence(
        verdict=verdict,
        reasons=reasons,
        alpha=one.policy.alpha,
        at=at,
        decided_at=decided_at,
        stable_requests=int(counts[SEEN + STABLE]),
        canary_requests=int(counts[SEEN + CANARY]),
        objective=one.policy.objectives[leading].name,
        log_e_worse=float(one.log_e_worse()[0]),
        log_e_safe=float(one.log_e_safe()[0]),
        objectives=tuple(_objective(one, i, float(safe[i][0])) for i in range(len(one.designs))),
    )


def _objective(one: Weighing, index: int, log_e_safe: float) -> ObjectiveEvidence:
    design, row = one.designs[index], one.rows[index][0]
    shares = [part for part, of in zip(one.by_part(), one.parts, strict=True) if of.objective == index]
    return ObjectiveEvidence(
        name=design.objective.name,
        stable_bad=int(row[SEEN + STABLE_BAD]),
        canary_bad=int(row[SEEN + CANARY_BAD]),
        rate_ratio=intervals.rate_ratio(row),
        rate_ratio_interval=intervals.interval(design, row, one.policy.alpha),
        log_e_worse=float(max(part[0] for part in shares)),
        log_e_safe=log_e_safe,
        dispersion=design.baseline.dispersion,
    )
