"""How soon a bad canary is found, how often a good one is stopped: the test on seeded traffic."""

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from bench import traffic
from bench.results import Figure, write
from bench.traffic import Scenario, always
from carelane.analysis import rules
from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge, judge_all
from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective

PART = "Detection"
ALPHA = 0.01
WEIGHT = 0.1
HISTORY_SECONDS = 3600
ROLLOUT_SECONDS = 1800
BAD = ((0.005, 0.5), (0.005, 0.1), (0.005, 0.05), (0.005, 0.02), (0.003, 0.3))
RATES = (10.0, 100.0)
HEALTHY = 0.003
POLICY = AnalysisPolicy(alpha=ALPHA)


def main(traces: int = 500, healthy_traces: int = 1000) -> None:
    """Run, and write the section."""
    figures = [figure for row in _rows() for figure in _detected(row, traces)]
    figures += [_falsely_stopped(name, scenario, healthy_traces) for name, scenario in _healthy()]
    figures += [*_passing(traces), _million()]
    command = f"make bench ARGS='detection --traces {traces} --healthy {healthy_traces}'"
    write(PART, figures, command)


@dataclass(frozen=True)
class Row:
    """One bad canary: what is counted, requests a second, both ratios."""

    seed: int
    measure: Measure
    rate: float
    stable: float
    canary: float

    @property
    def name(self) -> str:
        """As it stands in the table."""
        return f"{self.measure} {self.stable:.1%} → {self.canary:.0%} at {self.rate:.0f}/s"

    @property
    def scenario(self) -> Scenario:
        """Its traffic."""
        return Scenario(always(self.rate), always(self.stable), always(self.canary), always(WEIGHT))

    @property
    def limit(self) -> float:
        """Canary requests that no test of two samples can do without (issue 4)."""
        level = WEIGHT * self.canary + (1 - WEIGHT) * self.stable
        told = _kl(self.canary, level) + (1 - WEIGHT) / WEIGHT * _kl(self.stable, level)
        return math.log(1 / ALPHA) / told


def _kl(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def _rows() -> Iterator[Row]:
    kinds = [(m, r, b) for m in (Measure.ERRORS, Measure.SLOW) for r in RATES for b in BAD]
    for seed, (measure, rate, (stable, canary)) in enumerate(kinds):
        yield Row(seed, measure, rate, stable, canary)


@dataclass
class Stops:
    """When one rule went back, trace by trace; the whole rollout is served where it never did."""

    requests: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    found: int = 0

    def add(self, columns: Columns, row: int | None) -> None:
        """One trace, stopped at the end of *row*."""
        end = len(columns) if row is None else row + 1
        self.requests.append(float(columns.canary_requests[:end].sum()) if row is not None else math.inf)
        self.errors.append(float(columns.canary_errors[:end].sum()))
        self.seconds.append(end if row is not None else math.inf)
        self.found += row is not None

    def told(self) -> str:
        """In words."""
        share = self.found / len(self.errors)
        return (
            f"{share:.1%} stopped, median {statistics.median(self.seconds):.0f} s, "
            f"{statistics.median(self.errors):.0f} errors"
        )


def _detected(row: Row, traces: int) -> list[Figure]:
    others = [rules.argo(0), rules.argo(3), rules.flagger(), rules.z_test(ALPHA)]
    others.append(rules.wald(row.stable, row.canary, ALPHA))
    ours, theirs = Stops(), {rule.name: Stops() for rule in others}
    for trace in range(traces):
        generator = np.random.default_rng([row.seed, trace])
        before = traffic.history(row.scenario, HISTORY_SECONDS, generator)
        columns = traffic.rollout(row.scenario, ROLLOUT_SECONDS, generator)
        ours.add(columns, _found(row.measure, before, columns))
        for rule in others:
            theirs[rule.name].add(columns, rule.stops(columns))
    return [*_against_limit(row, ours), _against_flagger(row, ours, theirs[rules.flagger().name])] + [
        Figure(f"{row.name}: {name}", stops.told(), "beside it", None) for name, stops in theirs.items()
    ]


def _found(measure: Measure, before: Columns, columns: Columns) -> int | None:
    """The row at whose end the canary fails, judged piece by piece to save time."""
    policy = replace(POLICY, objectives=(Objective(measure),))
    before, columns = _as(measure, before), _as(measure, columns)
    judge = Judge.begin(policy, baselines(policy, before))
    for start in range(0, len(columns), 128):
        judge = judge.after_all(columns.rows(start, start + 128))
        if judge.failed:
            return int(judge.failed.at - columns.ended_at[0])
    return None


def _as(measure: Measure, columns: Columns) -> Columns:
    """The same counts, as slow requests where those are measured."""
    if measure is Measure.ERRORS:
        return columns
    none = np.zeros(len(columns))
    return replace(
        columns,
        stable_errors=none,
        canary_errors=none,
        stable_slow=columns.stable_errors[:, None],
        canary_slow=columns.canary_errors[:, None],
    )


def _against_limit(row: Row, ours: Stops) -> list[Figure]:
    window = row.rate * WEIGHT
    requests = statistics.median(ours.requests) - window
    times = requests / row.limit
    wanted = 1.5 if row.canary <= 0.1 else 2.0
    return [
        Figure(
            f"**{row.name}**: median canary requests until fail, less one window's ({window:.0f})",
            f"{requests:.0f} = {times:.2f} times the limit of {row.limit:.1f}",
            f"≤ {wanted} times",
            times <= wanted,
        ),
        Figure(f"{row.name}: Carelane", ours.told(), "stated", None),
    ]


def _against_flagger(row: Row, ours: Stops, flagger: Stops) -> Figure:
    mine, its = statistics.median(ours.errors), statistics.median(flagger.errors)
    most = its / (row.limit * row.canary)
    return Figure(
        f"{row.name}: errors until rollback, Flagger's over ours",
        f"{its:.0f} / {mine:.0f} = {its / mine:.1f} times (at the limit of any test: {most:.1f} times)",
        "≥ 10 times",
        its / mine >= 10,
    )


def _healthy() -> Iterator[tuple[str, Scenario]]:
    for rate in RATES:
        plain = Scenario(always(rate), always(HEALTHY), always(HEALTHY), always(WEIGHT))
        incident = traffic.between(600, 720, 0.3, HEALTHY)
        yield f"i.i.d. at {rate:.0f}/s", plain
        yield f"incident common to both at {rate:.0f}/s", replace(plain, stable=incident, canary=incident)
        weights = traffic.steps(ROLLOUT_SECONDS / 4, 0.05, 0.1, 0.25, 0.5)
        yield f"weights 5/10/25/50 at {rate:.0f}/s", replace(plain, weight=weights)
        yield f"clusters of 2 at {rate:.0f}/s", replace(plain, cluster=2.0)
        # A day's wave, hurried: a quarter of it falls into the rollout.
        wave = traffic.wave(rate / 5, rate, 2 * HISTORY_SECONDS)
        yield f"daily wave at {rate:.0f}/s", replace(plain, rate=wave)
        yield f"no errors at {rate:.0f}/s", replace(plain, stable=always(0.0), canary=always(0.0))


def _falsely_stopped(name: str, scenario: Scenario, traces: int) -> Figure:
    failed = sum(judge.failed is not None for judge in _judged(scenario, POLICY, name, traces))
    bound = _lower_bound(failed, traces)
    level = "" if name.startswith("no errors") else f", {HEALTHY:.1%} both"
    return Figure(
        f"false rollbacks, {name}{level}",
        f"{failed} of {traces} ({failed / traces:.1%}), lower bound {bound:.2%}",
        f"95 % lower bound ≤ {ALPHA:.0%}",
        bound <= ALPHA,
    )


def _judged(scenario: Scenario, policy: AnalysisPolicy, name: str, traces: int) -> Iterator[Judge]:
    for trace in range(traces):
        generator = np.random.default_rng([*name.encode(), trace])
        basis = baselines(policy, traffic.history(scenario, HISTORY_SECONDS, generator))
        yield judge_all(policy, basis, traffic.rollout(scenario, ROLLOUT_SECONDS, generator))


def _lower_bound(hits: int, trials: int) -> float:
    """Clopper and Pearson's one-sided 95 % bound: where so many hits or more have probability 5 %."""
    low, high = 0.0, hits / trials
    for _ in range(60):
        middle = (low + high) / 2
        fewer = sum(math.comb(trials, k) * middle**k * (1 - middle) ** (trials - k) for k in range(hits))
        low, high = (middle, high) if 1 - fewer < 0.05 else (low, middle)
    return low


def _passing(traces: int) -> Iterator[Figure]:
    for rate, level in ((20.0, 0.0), (100.0, 0.012)):
        scenario = Scenario(always(rate), always(level), always(level), always(WEIGHT))
        passed, median = _passes(scenario, POLICY, f"passing {rate} {level}", traces)
        yield Figure(
            f"clean canaries that pass within 30 minutes, {level:.1%} both at {rate:.0f}/s",
            f"{passed:.1%}, median {median:.0f} s",
            "≥ 95 %",
            passed >= 0.95,
        )
    for rate in RATES:
        for ratio in (2.0, 3.0, 5.0):
            scenario = Scenario(always(rate), always(HEALTHY), always(HEALTHY), always(WEIGHT))
            policy = replace(POLICY, objectives=(Objective(bad_ratio=ratio),))
            passed, median = _passes(scenario, policy, f"time {rate} {ratio}", traces)
            told = f"{median:.0f} s" if math.isfinite(median) else "more than 1800 s"
            yield Figure(
                f"median time to pass, λ_bad {ratio:.0f}, {HEALTHY:.1%} both at {rate:.0f}/s",
                f"{told} ({passed:.1%} within 30 minutes)",
                "stated",
                None,
            )


def _passes(scenario: Scenario, policy: AnalysisPolicy, name: str, traces: int) -> tuple[float, float]:
    """The share that passes, and the median time."""
    times = [
        judge.passed.at if judge.passed and judge.first is judge.passed else math.inf
        for judge in _judged(scenario, policy, name, traces)
    ]
    return sum(math.isfinite(t) for t in times) / traces, statistics.median(times)


def _million() -> Figure:
    scenario = Scenario(always(100.0), always(0.005), always(0.005), always(WEIGHT))
    columns = traffic.rollout(scenario, 1_000_000, np.random.default_rng(0))
    basis = baselines(POLICY, columns.rows(0, 0))
    began, used = time.monotonic(), time.process_time()
    judge_all(POLICY, basis, columns)
    taken, used = time.monotonic() - began, time.process_time() - used
    return Figure(
        "judging 1,000,000 windows", f"{taken:.2f} s ({used:.2f} s of processor)", "≤ 2 s", taken <= 2
    )
