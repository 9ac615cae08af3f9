"""Carelane's test beside others' rules, on the same recorded traffic."""

from dataclasses import dataclass

from carelane.analysis import rules
from carelane.analysis.columns import Columns
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.replaying import parted, replay
from carelane.analysis.verdicts import Verdict


@dataclass(frozen=True)
class Outcome:
    """What one way of judging would have done, when, and what the canary had served until then.

    *verdict* is fail where it goes back, pass where it goes on; who never goes back goes on at the end.
    """

    name: str
    verdict: Verdict
    at: float
    canary_requests: int
    canary_errors: int


def compare(policy: AnalysisPolicy, columns: Columns) -> tuple[Outcome, ...]:
    """Carelane first, then Argo Rollouts, Flagger and a z-test that is looked at every minute."""
    _, rest = parted(columns)
    others = (rules.argo(0), rules.argo(3), rules.flagger(), rules.z_test(policy.alpha))
    return (_ours(policy, columns), *(_outcome(rule, rest) for rule in others))


def _ours(policy: AnalysisPolicy, columns: Columns) -> Outcome:
    found = replay(policy, columns).evidence
    errors = found.objectives[0].canary_bad
    return Outcome("Carelane", found.verdict, found.at, found.canary_requests, errors)


def _outcome(rule: rules.Rule, rest: Columns) -> Outcome:
    row = rule.stops(rest)
    end = len(rest) if row is None else row + 1
    return Outcome(
        rule.name,
        Verdict.PASS if row is None else Verdict.FAIL,
        float(rest.ended_at[end - 1]),
        int(rest.canary_requests[:end].sum()),
        int(rest.canary_errors[:end].sum()),
    )
