"""From sums to evidence that a person can read."""

import numpy as np
from numpy.typing import NDArray

from carelane.analysis import intervals
from carelane.analysis.measurements import Gap
from carelane.analysis.sequential import CANARY, CANARY_BAD, SEEN, STABLE, STABLE_BAD
from carelane.analysis.verdicts import Evidence, ObjectiveEvidence, Reason, Verdict
from carelane.analysis.weighing import Part, Weighing

Array = NDArray[np.float64]
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
    reason = Reason.SAFE if verdict is Verdict.PASS else _leading(one).reason
    return _evidence(one, verdict, (reason,), at, at)


def undecided(weighing: Weighing, at: float, gap: Gap | None, *, warming: bool) -> Evidence:
    """The evidence now, with why it does not suffice."""
    reasons = tuple(_reasons(weighing, gap, warming=warming))
    return _evidence(weighing, Verdict.INCONCLUSIVE, reasons, at, None)


def _reasons(weighing: Weighing, gap: Gap | None, *, warming: bool) -> list[Reason]:
    counts = weighing.since_weight[0][0]
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


def _leading(one: Weighing) -> Part:
    shares = [float(part[0]) for part in one.by_part()]
    return one.parts[shares.index(max(shares))]


def _evidence(
    one: Weighing, verdict: Verdict, reasons: tuple[Reason, ...], at: float, decided_at: float | None
) -> Evidence:
    safe, leads, passes = one.safe_by_objective(), _leading(one), verdict is Verdict.PASS
    since = leads.since if verdict is Verdict.FAIL else one.weight
    rows = one.since(since)
    counts = rows[0][0]
    leading = int(np.argmin([s[0] for s in safe])) if passes else leads.objective
    return Evidence(
        verdict=verdict,
        reasons=reasons,
        alpha=one.policy.passing_alpha(one.weight) if passes else one.policy.alpha,
        at=at,
        decided_at=decided_at,
        stable_requests=int(counts[SEEN + STABLE]),
        canary_requests=int(counts[SEEN + CANARY]),
        objective=one.policy.objectives[leading].name,
        log_e_worse=float(one.log_e_worse()[0]),
        log_e_safe=float(one.log_e_safe()[0]),
        objectives=tuple(_objective(one, i, row[0], float(safe[i][0])) for i, row in enumerate(rows)),
        since_percent=one.trial.percent(since) if since else None,
        services=one.trial.services,
        log_e_deployment=float(one.log_e_deployment()[0]) if one.trial.others else None,
    )


def _objective(one: Weighing, index: int, row: Array, log_e_safe: float) -> ObjectiveEvidence:
    design = one.designs[index]
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
