"""Traffic as it might be: counts of two versions by second, from a seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.columns import NO_GAP, Columns

Array = NDArray[np.float64]
Level = Callable[[Array], Array]
DAY_SECONDS = 86_400.0


def always(value: float) -> Level:
    """The same at all times."""
    return lambda at: np.full(len(at), value)


def wave(low: float, high: float, period: float) -> Level:
    """From *low* to *high* and back in *period* seconds."""
    return lambda at: low + (high - low) * (0.5 - 0.5 * np.cos(2 * math.pi * at / period))


def between(start: float, end: float, inside: float, outside: float) -> Level:
    """*inside* from *start* to *end*, *outside* otherwise."""
    return lambda at: np.where((at >= start) & (at < end), inside, outside)


def steps(seconds: float, *values: float) -> Level:
    """One value after the other, each for *seconds*."""
    return lambda at: np.array(values)[np.minimum((at // seconds).astype(int), len(values) - 1)]


@dataclass(frozen=True)
class Scenario:
    """Requests a second, the canary's share of them, both versions' ratios, and how errors cluster.

    Clusters have a geometric size of mean *cluster*: so many requests to one version, one after the
    other, fail, across windows where they are far between. Time 0 is the canary's first second.
    """

    rate: Level
    stable: Level
    canary: Level
    weight: Level = field(default=always(0.1))
    cluster: float = 1.0


def history(scenario: Scenario, seconds: int, generator: np.random.Generator) -> Columns:
    """Stable alone, before the canary."""
    at = np.arange(-seconds, 0, dtype=np.float64)
    requests = generator.poisson(scenario.rate(at)).astype(np.float64)
    errors = _errors(scenario, requests, scenario.stable(at), generator)
    nothing = np.zeros(len(at))
    return columns(at, requests, errors, nothing, nothing)


def rollout(scenario: Scenario, seconds: int, generator: np.random.Generator, start: float = 0.0) -> Columns:
    """Both versions, from *start* on: 0 is the canary's first second."""
    at = start + np.arange(seconds, dtype=np.float64)
    rate, weight = scenario.rate(at), scenario.weight(at)
    canary = generator.poisson(rate * weight).astype(np.float64)
    stable = generator.poisson(rate * (1 - weight)).astype(np.float64)
    canary_errors = _errors(scenario, canary, scenario.canary(at), generator)
    stable_errors = _errors(scenario, stable, scenario.stable(at), generator)
    return columns(at, stable, stable_errors, canary, canary_errors)


def columns(at: Array, stable: Array, stable_errors: Array, canary: Array, canary_errors: Array) -> Columns:
    """Windows of one second."""
    none = np.zeros((len(at), 0))
    gaps, weights = np.full(len(at), NO_GAP, dtype=np.int8), np.zeros(len(at), dtype=np.int8)
    return Columns(at, at + 1.0, stable, stable_errors, canary, canary_errors, none, none, gaps, weights)


def _errors(scenario: Scenario, requests: Array, ratio: Array, generator: np.random.Generator) -> Array:
    if scenario.cluster <= 1.0:
        return generator.binomial(requests.astype(np.int64), ratio).astype(np.float64)
    second = np.repeat(np.arange(len(requests)), requests.astype(np.int64))
    begins = np.flatnonzero(generator.random(len(second)) < ratio[second] / scenario.cluster)
    sizes = generator.geometric(1 / scenario.cluster, len(begins))
    nth = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    failed = np.unique(np.repeat(begins, sizes) + nth)
    return np.bincount(second[failed[failed < len(second)]], minlength=len(requests)).astype(np.float64)
