"""The default canary on its way through 10, 25 and 50 %: what begins late, healthy ones, and their time."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench import traffic
from bench.finding import ALPHA, HISTORY_SECONDS, POLICY
from bench.pieces import Workers
from bench.results import Figure, lower_bound
from bench.traffic import Scenario, always
from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.courses import Leg, Went, gone
from carelane.analysis.judging import Judge
from carelane.analysis.trials import Trial

WEIGHTS = (10, 25, 50)
STEP_SECONDS = 1800.0
LEGS = [Leg(weight, STEP_SECONDS) for weight in range(len(WEIGHTS))]
CLEAN = 0.003
# What one pass for the whole rollout took before each weight had to earn its own: medians, seconds.
ONE_PASS_SECONDS = {(100.0, 0.0): 81.0, (10.0, 0.0): 805.0, (10.0, CLEAN): 1610.0}


@dataclass(frozen=True)
class Course:
    """A deployment of one or more services, each by the default canary; only the first may be bad.

    *canary* are its ratios at each weight, from *begins_seconds* after its first request on.
    """

    name: str
    rate: float
    stable: float
    canary: tuple[float, float, float] | None = None
    begins_seconds: float = 0.0
    cluster: float = 1.0
    services: int = 1
    anew: bool = True

    def scenario(self, weight: int, *, bad: bool) -> Scenario:
        """The traffic at one of the weights."""
        level = always(self.stable)
        canary = (
            traffic.between(self.begins_seconds, math.inf, self.canary[weight], self.stable)
            if bad and self.canary
            else level
        )
        share = always(WEIGHTS[weight] / 100)
        return Scenario(always(self.rate), level, canary, share, self.cluster)


@dataclass(frozen=True)
class Outcome:
    """How one deployment went: seconds in all, infinite where it did not go through by itself.

    *began* is when the fault did, seconds after the first request; None where it was never come to.
    """

    seconds: float
    first_seconds: float
    failed_at: float | None
    began: float | None


def _traces(course: Course, traces: range) -> list[Outcome]:
    return [_outcome(course, trace) for trace in traces]


def _outcome(course: Course, trace: int) -> Outcome:
    generator = np.random.default_rng([*course.name.encode(), trace])
    ended: list[float] = []
    went: list[Went] = []
    for service in range(course.services):
        others = (*ended, *(0.0,) * (course.services - 1 - service))
        went.append(_went(course, others, generator, bad=service == 0))
        judge = went[-1].judge
        if judge.failed or not math.isfinite(went[-1].whole_seconds):
            break
        ended.append(judge.now().log_e_worse)
    whole = math.fsum(each.whole_seconds for each in went)
    failed = went[-1].judge.failed
    return Outcome(whole, went[0].seconds[0], failed.at if failed else None, _began(course, went[0]))


def _went(course: Course, others: tuple[float, ...], generator: np.random.Generator, *, bad: bool) -> Went:
    before = traffic.history(course.scenario(0, bad=False), HISTORY_SECONDS, generator)
    trial = Trial(WEIGHTS if course.anew else (), others)

    def draw(weight: int, at: float, count: int) -> Columns:
        return traffic.rollout(course.scenario(weight, bad=bad), count, generator, at).at_weight(weight)

    return gone(Judge.begin(POLICY, baselines(POLICY, before), trial), LEGS, draw)


def _began(course: Course, went: Went) -> float | None:
    """When the first weight began at which it is bad, or later if the fault is."""
    if course.canary is None:
        return None
    weight = next(n for n, ratio in enumerate(course.canary) if ratio > course.stable)
    risen = math.fsum(went.seconds[:weight])
    return max(risen, course.begins_seconds) if math.isfinite(risen) else None


def figures(workers: Workers, traces: int, healthy: int) -> Iterator[Figure]:
    """What begins late, false rollbacks, and times to pass."""
    late = [(course, workers.over(_traces, course, traces)) for course in _late()]
    clean = [(course, workers.over(_traces, course, healthy)) for course in _healthy()]
    for course, result in late:
        yield from _found(course, result())
    for course, result in clean:
        yield _falsely_stopped(course, result())
    timed = [course for course, _ in clean if course.cluster == 1.0 and course.services == 1]
    for course, result in clean:
        if course in timed:
            yield _passing(course, result())


def _late() -> Iterator[Course]:
    for rate in (10.0, 100.0):
        at = f"at {rate:.0f}/s"
        from_25 = Course(f"5 % from weight 25 % on {at}", rate, CLEAN, (CLEAN, 0.05, 0.05))
        yield from_25
        yield replace(from_25, name=f"{from_25.name}, by one E since the first request", anew=False)
        yield Course(f"5 % from weight 50 % on {at}", rate, CLEAN, (CLEAN, CLEAN, 0.05))
        yield Course(f"with load, 2 % at 25 % and 5 % at 50 %, {at}", rate, CLEAN, (CLEAN, 0.02, 0.05))
        yield Course(f"5 % after a minute {at}", rate, CLEAN, (0.05, 0.05, 0.05), 60.0)


def _found(course: Course, outcomes: list[Outcome]) -> Iterator[Figure]:
    """How soon after it began it is found; those that failed before that were falsely stopped."""
    came = [o for o in outcomes if o.began is not None and (o.failed_at is None or o.failed_at > o.began)]
    times = [(o.failed_at or math.inf) - (o.began or 0.0) for o in came]
    promoted = sum(math.isfinite(o.seconds) for o in came)
    stated = not course.anew
    yield Figure(
        f"**fault {course.name}**: promoted all the same",
        f"{promoted} of {len(came)} ({promoted / len(came):.1%})",
        "stated" if stated else f"≤ {ALPHA:.0%}",
        None if stated else promoted <= ALPHA * len(came),
    )
    most = sorted(times)[math.ceil(0.9 * len(times)) - 1]
    yield Figure(
        f"fault {course.name}: ended after it began",
        f"median {statistics.median(times):.0f} s, 90 % {most:.0f} s",
        "stated",
        None,
    )


def _healthy() -> Iterator[Course]:
    for rate in (10.0, 100.0):
        plain = Course(f"default canary, {CLEAN:.1%} both at {rate:.0f}/s", rate, CLEAN)
        yield plain
        yield replace(plain, name=f"default canary, no errors at {rate:.0f}/s", stable=0.0)
        clusters = replace(plain, name=f"{plain.name}, clusters of 2", cluster=2.0)
        yield clusters
        for one in (plain, clusters):
            yield replace(one, name=f"three services, {one.name}", services=3)


def _falsely_stopped(course: Course, outcomes: list[Outcome]) -> Figure:
    failed, traces = sum(o.failed_at is not None for o in outcomes), len(outcomes)
    bound = lower_bound(failed, traces)
    return Figure(
        f"false rollbacks, {course.name}",
        f"{failed} of {traces} ({failed / traces:.1%}), lower bound {bound:.2%}",
        f"95 % lower bound ≤ {ALPHA:.0%}",
        bound <= ALPHA,
    )


def _passing(course: Course, outcomes: list[Outcome]) -> Figure:
    """All weights together, beside the first alone, which ended the whole analysis before."""
    whole = statistics.median(outcome.seconds for outcome in outcomes)
    first = statistics.median(outcome.first_seconds for outcome in outcomes)
    through = sum(math.isfinite(o.seconds) for o in outcomes) / len(outcomes)
    once = ONE_PASS_SECONDS.get((course.rate, course.stable))
    beside = "" if once is None else f"; one pass for all took {once:.0f} s"
    told = f"{whole:.0f} s" if math.isfinite(whole) else "not within its steps"
    return Figure(
        f"median time to pass all weights, {course.name}",
        f"{told}, the first {first:.0f} s; {through:.1%} go through by themselves{beside}",
        "stated" if once is None else f"≤ {1.5 * once:.0f} s, 1.5 times",
        None if once is None else whole <= 1.5 * once,
    )
