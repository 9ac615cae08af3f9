"""How soon a fault that begins after a success is suspected and borne out, and what is undone for nothing."""

import statistics
from dataclasses import dataclass, replace

import numpy as np

from bench import traffic
from bench.results import Figure, write
from bench.traffic import Scenario, always
from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.suspicion import suspicion
from carelane.analysis.traffic import BUCKET_SECONDS, Counted
from carelane.delivery.strategies import COMPARE_SECONDS

PART = "Late watch"
POLICY = AnalysisPolicy()
HOUR = 3600
BEFORE = 0.003
BAD = 0.05
RATES = (10.0, 100.0)


def main(traces: int = 800) -> None:
    """Run, and write the section."""
    figures = [figure for rate in RATES for figure in _found(rate, traces)]
    figures += [_undone(*case, traces) for case in _harmless()]
    write(PART, figures, f"make bench ARGS='late --healthy {traces}'")


@dataclass(frozen=True)
class Late:
    """One trace: seconds until it was suspected and until the comparison decided; None where neither."""

    suspected: float | None
    decided: float | None


def _found(rate: float, traces: int) -> list[Figure]:
    """A version that fails from the first second after its success."""
    scenario = Scenario(always(rate), always(BEFORE), always(BAD), always(0.5))
    late = [_late(scenario, scenario, np.random.default_rng([int(rate), trace])) for trace in range(traces)]
    suspected = [trace.suspected for trace in late if trace.suspected is not None]
    decided = [trace.decided for trace in late if trace.decided is not None]
    wanted = {10.0: 47.0, 100.0: 5.0}[rate]
    what = f"a fault of {BAD:.0%} after {BEFORE:.1%} at {rate:.0f}/s"
    return [
        Figure(
            f"{what}: suspected",
            f"{len(suspected) / traces:.1%}, median {statistics.median(suspected):.0f} s",
            "stated",
            None,
        ),
        Figure(
            f"{what}: compared with half of the users until it is undone",
            f"{len(decided) / traces:.1%}, median {statistics.median(decided):.0f} s",
            f"about {wanted:.0f} s",
            statistics.median(decided) <= wanted * 1.2,
        ),
    ]


def _harmless() -> list[tuple[str, Scenario]]:
    """What hits both versions, whenever it begins: another hour, a database's incident."""
    common = [
        (
            f"an incident of {level:.0%} common to both at {rate:.0f}/s",
            Scenario(always(rate), always(level), always(level), always(0.5)),
        )
        for rate in RATES
        for level in (0.02, 0.3)
    ]
    unchanged = [
        (
            f"clusters of 2, nothing changed, at {rate:.0f}/s",
            Scenario(always(rate), always(BEFORE), always(BEFORE), always(0.5), cluster=2.0),
        )
        for rate in RATES
    ]
    return [*common, *unchanged]


def _undone(name: str, scenario: Scenario, traces: int) -> Figure:
    before = replace(scenario, stable=always(BEFORE))
    late = [
        _late(before, scenario, np.random.default_rng([*name.encode(), trace])) for trace in range(traces)
    ]
    undone = sum(trace.decided is not None for trace in late)
    suspected = sum(trace.suspected is not None for trace in late)
    return Figure(
        f"undone for {name}",
        f"{undone} of {traces} ({suspected} suspected)",
        "≤ 1 %",
        undone <= traces * 0.01,
    )


def _late(before: Scenario, since: Scenario, generator: np.random.Generator) -> Late:
    """An hour of the version before, then the new one alone, then both at the same time."""
    history = traffic.history(before, HOUR, generator)
    known = Counted(int(history.stable_requests.sum()), int(history.stable_errors.sum()))
    alone = traffic.rollout(replace(since, weight=always(1.0)), HOUR, generator)
    suspected = _suspected(known, alone)
    if suspected is None:
        return Late(None, None)
    both = traffic.rollout(since, int(COMPARE_SECONDS), generator)
    judge = Judge.begin(POLICY, baselines(POLICY, history))
    for start in range(0, len(both), 16):
        judge = judge.after_all(both.rows(start, start + 16))
        if judge.failed is not None or judge.passed is not None:
            break
    if judge.failed is None or (judge.passed is not None and judge.passed.at < judge.failed.at):
        return Late(suspected, None)
    return Late(suspected, judge.failed.at)


def _suspected(before: Counted, alone: Columns) -> float | None:
    """When what is kept, in buckets, shows that it is worse than before."""
    requests, errors = np.cumsum(alone.canary_requests), np.cumsum(alone.canary_errors)
    for end in range(BUCKET_SECONDS - 1, len(alone), BUCKET_SECONDS):
        if suspicion(POLICY, before, Counted(int(requests[end]), int(errors[end]))) is not None:
            return float(end + 1)
    return None
