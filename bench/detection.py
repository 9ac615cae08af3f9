"""How soon a bad canary is found, how often a good one is stopped: the test on seeded traffic."""

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench import finding, traffic, weights
from bench.finding import ALPHA, HISTORY_SECONDS, POLICY, ROLLOUT_SECONDS
from bench.pieces import Workers, workers
from bench.results import Figure, lower_bound, write
from bench.traffic import Scenario, always
from carelane.analysis.alternatives import baselines
from carelane.analysis.judging import Judge, judge_all
from carelane.analysis.objectives import Objective
from carelane.analysis.trials import Trial

PART = "Detection"
RATES = (10.0, 100.0)
HEALTHY = 0.003
WEIGHT = 0.1
TIMED = 500
MILLION = 1_000_000


def main(traces: int = 5000, healthy_traces: int = 1000) -> None:
    """Run, and write the section."""
    with workers() as processes:
        # Alone: what is timed shares its core with nothing of ours.
        million = list(_million())
        figures = [
            *finding.detected(processes, traces),
            *weights.figures(processes, healthy_traces, healthy_traces),
            *_healthy(processes, healthy_traces),
            *_passing(processes),
            *million,
        ]
    command = f"make bench ARGS='detection --traces {traces} --healthy {healthy_traces}'"
    write(PART, figures, command)


@dataclass(frozen=True)
class Row:
    """A canary as good as stable, at one weight for the whole of a rollout."""

    name: str
    rate: float
    level: float
    kind: str = "i.i.d."
    bad_ratio: float = 2.0

    @property
    def scenario(self) -> Scenario:
        """Its traffic."""
        plain = Scenario(always(self.rate), always(self.level), always(self.level), always(WEIGHT))
        incident = traffic.between(600, 720, 0.3, self.level)
        # A day's wave, hurried: a quarter of it falls into the rollout.
        wave = traffic.wave(self.rate / 5, self.rate, 2 * HISTORY_SECONDS)
        return {
            "i.i.d.": plain,
            "incident common to both": replace(plain, stable=incident, canary=incident),
            "weights 5/10/25/50": replace(
                plain, weight=traffic.steps(ROLLOUT_SECONDS / 4, 0.05, 0.1, 0.25, 0.5)
            ),
            "clusters of 2": replace(plain, cluster=2.0),
            "daily wave": replace(plain, rate=wave),
        }[self.kind]


def _traces(row: Row, traces: range) -> list[tuple[bool, float]]:
    """Whether each fails, and when it passes if that comes first."""
    policy = replace(POLICY, objectives=(Objective(bad_ratio=row.bad_ratio),))
    found = []
    for trace in traces:
        generator = np.random.default_rng([*row.name.encode(), trace])
        basis = baselines(policy, traffic.history(row.scenario, HISTORY_SECONDS, generator))
        judge = judge_all(policy, basis, traffic.rollout(row.scenario, ROLLOUT_SECONDS, generator))
        found.append((judge.failed is not None, _passes_at(judge)))
    return found


def _passes_at(judge: Judge) -> float:
    return judge.passed.at if judge.passed and judge.first is judge.passed else math.inf


def _healthy(processes: Workers, traces: int) -> Iterator[Figure]:
    kinds = ("i.i.d.", "incident common to both", "weights 5/10/25/50", "clusters of 2", "daily wave")
    rows = [Row(f"{kind} at {rate:.0f}/s", rate, HEALTHY, kind) for rate in RATES for kind in kinds]
    rows += [Row(f"no errors at {rate:.0f}/s", rate, 0.0) for rate in RATES]
    for row, result in [(row, processes.over(_traces, row, traces)) for row in rows]:
        failed = sum(stopped for stopped, _ in result())
        bound = lower_bound(failed, traces)
        level = f", {row.level:.1%} both" if row.level else ""
        yield Figure(
            f"false rollbacks, {row.name}{level}",
            f"{failed} of {traces} ({failed / traces:.1%}), lower bound {bound:.2%}",
            f"95 % lower bound ≤ {ALPHA:.0%}",
            bound <= ALPHA,
        )


def _passing(processes: Workers) -> Iterator[Figure]:
    must = [Row(f"passing {rate} {level}", rate, level) for rate, level in ((20.0, 0.0), (100.0, 0.012))]
    timed = [
        Row(f"time {rate} {ratio}", rate, HEALTHY, bad_ratio=ratio)
        for rate in RATES
        for ratio in (2.0, 3.0, 5.0)
    ]
    for row, result in [(row, processes.over(_traces, row, TIMED)) for row in (*must, *timed)]:
        times = [at for _, at in result()]
        passed, median = sum(math.isfinite(t) for t in times) / len(times), statistics.median(times)
        told = f"{median:.0f} s" if math.isfinite(median) else f"more than {ROLLOUT_SECONDS} s"
        if row in must:
            yield Figure(
                f"clean canaries that pass within 30 minutes, {row.level:.1%} both at {row.rate:.0f}/s",
                f"{passed:.1%}, median {told}",
                "≥ 95 %",
                passed >= 0.95,
            )
        else:
            yield Figure(
                f"median time to pass, λ_bad {row.bad_ratio:.0f}, {row.level:.1%} both at {row.rate:.0f}/s",
                f"{told} ({passed:.1%} within 30 minutes)",
                "stated",
                None,
            )


def _million() -> Iterator[Figure]:
    scenario = Scenario(always(100.0), always(0.005), always(0.005), always(WEIGHT))
    columns = traffic.rollout(scenario, MILLION, np.random.default_rng(0))
    rising = replace(columns, weights=(np.arange(MILLION) * 3 // MILLION).astype(np.int8))
    basis = baselines(POLICY, columns.rows(0, 0))
    for name, windows, trial in (("", columns, Trial()), (" at three weights", rising, Trial((10, 25, 50)))):
        began, used = time.monotonic(), time.process_time()
        judge_all(POLICY, basis, windows, trial)
        taken, used = time.monotonic() - began, time.process_time() - used
        yield Figure(
            f"judging 1,000,000 windows{name}",
            f"{taken:.2f} s ({used:.2f} s of processor)",
            "≤ 2 s",
            taken <= 2,
        )
