"""How soon a bad canary is found, beside what no test can do without and what others would do."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from bench import traffic
from bench.pieces import Workers
from bench.results import Figure
from bench.traffic import Scenario, always
from carelane.analysis import rules
from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge
from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.analysis.trials import Trial

ALPHA = 0.01
POLICY = AnalysisPolicy(alpha=ALPHA)
HISTORY_SECONDS = 3600
ROLLOUT_SECONDS = 1800
# Others' rules are beside ours on so many of the traces.
BESIDE = 500
FIRST_PIECE = 32


@dataclass(frozen=True)
class Row:
    """One bad canary at its first weight: what is counted, requests a second, both ratios."""

    seed: int
    rate: float
    stable: float
    canary: float
    weight: float = 0.1
    measure: Measure = Measure.ERRORS
    services: int = 1

    @property
    def name(self) -> str:
        """As it stands in the table."""
        weight = "" if self.weight == 0.1 else f", weight {self.weight:.0%}"
        services = "" if self.services == 1 else f", one of {self.services} services"
        return f"{self.measure} {self.stable:.1%} → {self.canary:.0%} at {self.rate:.0f}/s{weight}{services}"

    @property
    def scenario(self) -> Scenario:
        """Its traffic."""
        return Scenario(always(self.rate), always(self.stable), always(self.canary), always(self.weight))

    @property
    def trial(self) -> Trial:
        """Two more weights are to come, and other services may be."""
        return Trial((round(self.weight * 100), 25, 50), (0.0,) * (self.services - 1))

    @property
    def limit(self) -> float:
        """Canary requests that no test of two samples can do without: of so many services at once."""
        level = self.weight * self.canary + (1 - self.weight) * self.stable
        told = _kl(self.canary, level) + (1 - self.weight) / self.weight * _kl(self.stable, level)
        return math.log(self.services / ALPHA) / told

    @property
    def wanted(self) -> float:
        """How many times the limit it may take: a single request is much of it where half of all fail."""
        return 1.35 if self.canary <= 0.1 else 1.6


def _kl(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def rows() -> Iterator[Row]:
    """Every row; at 100 a second one window holds the answer of the worst, but at a weight of 1 %."""
    ten = [(0.005, 0.5), (0.003, 0.3), (0.005, 0.1), (0.005, 0.05), (0.005, 0.02)]
    kinds = [Row(0, 10.0, *ratios) for ratios in ten]
    kinds += [Row(0, 100.0, *ratios, weight=0.01 if ratios[1] > 0.1 else 0.1) for ratios in ten]
    kinds += [Row(0, 10.0, 0.005, canary, measure=Measure.SLOW) for canary in (0.1, 0.02)]
    kinds += [Row(0, rate, 0.005, 0.05, services=3) for rate in (10.0, 100.0)]
    for seed, row in enumerate(kinds):
        yield replace(row, seed=seed)


@dataclass(frozen=True)
class Stop:
    """When one rule went back in one trace; the whole rollout is served where it never did."""

    requests: float
    errors: float
    seconds: float

    @classmethod
    def at(cls, columns: Columns, row: int | None) -> "Stop":
        """At the end of *row*."""
        end = len(columns) if row is None else row + 1
        requests = math.inf if row is None else float(columns.canary_requests[:end].sum())
        seconds = math.inf if row is None else float(end)
        return cls(requests, float(columns.canary_errors[:end].sum()), seconds)


@dataclass
class Stops:
    """The stops of one rule over all traces."""

    every: list[Stop] = field(default_factory=list)

    def median(self, what: str) -> float:
        """Of ``requests``, ``errors`` or ``seconds``."""
        return statistics.median(float(getattr(stop, what)) for stop in self.every)

    def told(self) -> str:
        """In words."""
        share = sum(math.isfinite(stop.seconds) for stop in self.every) / len(self.every)
        return (
            f"{share:.1%} stopped, median {self.median('seconds'):.0f} s, {self.median('errors'):.0f} errors"
        )


def detected(workers: Workers, traces: int) -> Iterator[Figure]:
    """The figures of every row."""
    begun = [(row, workers.over(_traces, row, traces)) for row in rows()]
    for row, result in begun:
        yield from _figures(row, result())


def _traces(row: Row, traces: range) -> list[dict[str, Stop]]:
    """Where each rule stops in each trace; ours has no name."""
    found = []
    for trace in traces:
        generator = np.random.default_rng([row.seed, trace])
        before = traffic.history(row.scenario, HISTORY_SECONDS, generator)
        columns = traffic.rollout(row.scenario, ROLLOUT_SECONDS, generator)
        beside = _others(row) if trace < BESIDE else []
        stops = {rule.name: Stop.at(columns, rule.stops(columns)) for rule in beside}
        found.append({"": Stop.at(columns, _found(row, before, columns)), **stops})
    return found


def _others(row: Row) -> list[rules.Rule]:
    if row.services > 1 or row.measure is not Measure.ERRORS:
        return []
    others = [rules.argo(0), rules.argo(3), rules.flagger(), rules.z_test(ALPHA)]
    return [*others, rules.wald(row.stable, row.canary, ALPHA)]


def _found(row: Row, before: Columns, columns: Columns) -> int | None:
    """The row at whose end the canary fails, judged piece by piece to save time."""
    policy = replace(POLICY, objectives=(Objective(row.measure),))
    before, columns = _as(row.measure, before), _as(row.measure, columns)
    judge = Judge.begin(policy, baselines(policy, before), row.trial)
    start, piece = 0, FIRST_PIECE
    while start < len(columns) and not judge.failed:
        judge = judge.after_all(columns.rows(start, start + piece))
        start, piece = start + piece, 2 * piece
    return None if judge.failed is None else int(judge.failed.at - columns.ended_at[0])


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


def _figures(row: Row, found: list[dict[str, Stop]]) -> Iterator[Figure]:
    by_rule = {name: Stops([each[name] for each in found if name in each]) for name in found[0]}
    ours = by_rule.pop("")
    window = row.rate * row.weight
    requests = ours.median("requests") - window
    times = requests / row.limit
    yield Figure(
        f"**{row.name}**: median canary requests until fail, less one window's ({window:.0f})",
        f"{requests:.0f} = {times:.2f} times the limit of {row.limit:.1f}",
        f"≤ {row.wanted} times",
        times <= row.wanted,
    )
    yield Figure(f"{row.name}: Carelane", ours.told(), "stated", None)
    flagger = by_rule.get(rules.flagger().name)
    if flagger is not None:
        yield _against_flagger(row, ours, flagger)
    for name, stops in by_rule.items():
        yield Figure(f"{row.name}: {name}", stops.told(), "beside it", None)


def _against_flagger(row: Row, ours: Stops, flagger: Stops) -> Figure:
    mine, its = ours.median("errors"), flagger.median("errors")
    most = its / (row.limit * row.canary)
    return Figure(
        f"{row.name}: errors until rollback, Flagger's over ours",
        f"{its:.0f} / {mine:.0f} = {its / mine:.1f} times (at the limit of any test: {most:.1f} times)",
        "≥ 10 times",
        its / mine >= 10,
    )
