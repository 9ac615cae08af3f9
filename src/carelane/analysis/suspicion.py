"""Whether a version does worse than the one before it did: a suspicion, never a verdict.

Another hour, or a database's incident, would look the same: who is suspected is compared at the same time.
"""

import numpy as np

from carelane.analysis.alternatives import above
from carelane.analysis.dispersion import UNKNOWN
from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.analysis.reproducible import log, log_sum_exp
from carelane.analysis.traffic import Counted
from carelane.analysis.verdicts import percent

ALPHA = 0.05
"""How often something that has not changed is suspected at all: then half of its users move, and back."""
MOST = 0.5


def suspicion(policy: AnalysisPolicy, before: Counted, since: Counted) -> str | None:
    """In what the requests *since* did worse than those *before*, in words; None where in nothing.

    By the same measure of worse as the judge: more than `bad_ratio` times the ratio before, and above the
    floor. Valid however often one looks, for the e-value of counts that only grow.
    """
    return next(filter(None, (_worse(policy, o, before, since) for o in policy.objectives)), None)


def _worse(policy: AnalysisPolicy, objective: Objective, before: Counted, since: Counted) -> str | None:
    bad, earlier = _bad(objective, since), _bad(objective, before)
    if bad is None or not since.requests:
        return None
    limit = objective.floor
    if earlier is not None and before.requests:
        limit = max(limit, objective.bad_ratio * (earlier + 0.5) / (before.requests + 1.0))
    if limit >= MOST:
        return None
    if _log_e(since.requests, bad, limit) < float(-log(ALPHA / len(policy.objectives))):
        return None
    did = "failed" if objective.measure is Measure.ERRORS else f"were {objective.name}"
    now = f"{bad:,} of {since.requests:,} requests ({percent(bad / since.requests)}) {did}"
    if earlier is None or not before.requests:
        return f"{now}, before nobody asked"
    return f"{now}, before {percent(earlier / before.requests)}"


def _bad(objective: Objective, counted: Counted) -> int | None:
    """How many were bad; None where that was not looked at."""
    if objective.measure is Measure.ERRORS:
        return counted.errors
    return None if objective.threshold_ms is None else counted.slow.get(round(objective.threshold_ms))


def _log_e(requests: int, bad: int, limit: float) -> float:
    """Against "its ratio is at most *limit*"; errors come in clusters, of a size that is not known."""
    points = above(limit)
    likelihood = (bad * points.log_bad + (requests - bad) * points.log_good) / UNKNOWN
    return float(log_sum_exp(np.asarray(likelihood + points.log_weight)[None, :])[0])
