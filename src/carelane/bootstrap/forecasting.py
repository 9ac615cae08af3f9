"""How long a deployment is expected to take, and how likely a person will be asked: by simulation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from carelane.analysis.courses import LONGEST_SECONDS, Leg, Users, healthy
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.planning import Spread
from carelane.analysis.trials import Trial
from carelane.delivery.decisions.stepping import EXTENSIONS
from carelane.delivery.strategies import CanaryStep, OnInconclusive, StepKind, Strategy, StrategyKind

TRACES = 60
SEED = 1
# Beyond this one step with half of the users is proposed: it says as much in less time.
LONG_SECONDS = 3600.0
INSTEAD_PERCENT = 50
ROUNDED_TO_SECONDS = 30.0


@dataclass(frozen=True)
class _Way:
    """How a service goes, what it is judged by, who its users are, and how many services share alpha."""

    number: int
    strategy: Strategy
    policy: AnalysisPolicy
    users: Users | None
    services: int


def forecast(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What is expected of *plan*, as the API gives it: of each canary, and of all, one after another.

    ``median_seconds`` and ``most_seconds`` (nine of ten healthy releases take no longer) are of analyses
    and pauses, None where that is more than hours; ``asked`` is the share of healthy releases in which a
    person is asked, or which turn back where the policy says so. Of previews nothing is said: nobody
    knows how much will reach them.
    """
    policy = TypeAdapter(AnalysisPolicy).validate_python(plan["analysis"])
    rollouts = (plan["deployment"] or {}).get("rollouts", {})
    strategies = {
        name: TypeAdapter(Strategy).validate_python(rollout["strategy"]) for name, rollout in rollouts.items()
    }
    judged = sum(strategy.judged for strategy in strategies.values())
    told, every = {}, []
    for number, (name, strategy) in enumerate(strategies.items()):
        if strategy.kind is StrategyKind.CANARY:
            way = _Way(number, strategy, policy, _users(plan["traffic"][name]), judged)
            traces = _traces(way, strategy.weights, _legs(strategy))
            told[name] = _told(way, traces)
            every.append(traces)
    whole = [math.fsum(s for trace in traces for s in trace) for traces in zip(*every, strict=True)]
    by_service = [_asked(strategies[name], traces) for name, traces in zip(told, every, strict=True)]
    asked = sum(any(asks) for asks in zip(*by_service, strict=True)) / TRACES
    return {"services": told, "traces": TRACES, **_spread(whole or [0.0]), "asked": asked}


def _users(traffic: Mapping[str, Any]) -> Users | None:
    if not traffic["requests"] or not traffic["seconds"]:
        return None
    rate, errors = traffic["requests"] / traffic["seconds"], traffic["errors"] / traffic["requests"]
    return Users(rate, errors, max(traffic["seconds"], 1.0))


def _legs(strategy: Strategy) -> list[Leg]:
    """The parts of the way that take their time: analyses, and pauses that end by themselves."""
    return [
        Leg(strategy.weight_at(number), _seconds(step), analysis=step.kind is StepKind.ANALYSIS)
        for number, step in enumerate(strategy.steps)
        if _takes_time(step)
    ]


def _takes_time(step: CanaryStep) -> bool:
    return step.kind is StepKind.ANALYSIS or (step.kind is StepKind.PAUSE and step.seconds is not None)


def _seconds(step: CanaryStep) -> float:
    return math.inf if step.seconds is None else step.seconds


def _traces(way: _Way, weights: tuple[int, ...], legs: Sequence[Leg]) -> list[tuple[float, ...]]:
    """The seconds of each leg in so many healthy releases; infinite where nothing is shown in hours."""
    if way.users is None:
        return [tuple(math.inf if leg.analysis else leg.seconds for leg in legs)] * TRACES
    judged_by = (way.policy, Trial(weights, (0.0,) * (way.services - 1)))
    generator = np.random.default_rng([SEED, way.number])
    return [went.seconds for went in healthy(judged_by, legs, way.users, generator, TRACES)]


def _asked(strategy: Strategy, traces: Sequence[tuple[float, ...]]) -> list[bool]:
    """Whether each release waits for a person, by a pause or because an analysis ends without a verdict."""
    if any(step.kind is StepKind.PAUSE and step.seconds is None for step in strategy.steps):
        return [True] * len(traces)
    patience = EXTENSIONS if strategy.on_inconclusive is OnInconclusive.EXTEND else 1
    limits = [leg.seconds * (patience if leg.analysis else 1) for leg in _legs(strategy)]
    return [any(took > limit for took, limit in zip(trace, limits, strict=True)) for trace in traces]


def _told(way: _Way, traces: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    spreads = iter([_spread(times) for times in zip(*traces, strict=True)])
    steps = [next(spreads) if _takes_time(step) else None for step in way.strategy.steps]
    for step, expected in zip(way.strategy.steps, steps, strict=True):
        if expected is not None and step.kind is StepKind.ANALYSIS:
            expected["proposed_seconds"] = _rounded(expected["most_seconds"])
    whole = _spread([math.fsum(trace) for trace in traces])
    long = whole["most_seconds"] is None or whole["most_seconds"] > LONG_SECONDS
    return {
        "steps": steps,
        **whole,
        "asked": sum(_asked(way.strategy, traces)) / len(traces),
        "instead": _instead(way) if long else None,
    }


def _instead(way: _Way) -> dict[str, Any] | None:
    """One step with half of the users; None where that is how it goes, or there are none."""
    if way.users is None or way.strategy.weights == (INSTEAD_PERCENT,):
        return None
    times = _spread([math.fsum(t) for t in _traces(way, (INSTEAD_PERCENT,), [Leg(0, LONGEST_SECONDS)])])
    return {"percent": INSTEAD_PERCENT, **times, "proposed_seconds": _rounded(times["most_seconds"])}


def _spread(seconds: list[float] | tuple[float, ...]) -> dict[str, float | None]:
    spread = Spread.of(list(seconds))
    return {"median_seconds": spread.median, "most_seconds": spread.most}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else math.ceil(seconds / ROUNDED_TO_SECONDS) * ROUNDED_TO_SECONDS
