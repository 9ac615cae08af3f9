"""The judging of canaries against their stable versions, as what users get comes in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from carelane.analysis.judging import Judge
from carelane.analysis.measurements import Reading, Readings, gone_on, merged
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.ports import MetricSource
from carelane.analysis.trials import Trial
from carelane.analysis.verdicts import Evidence, Reason, Verdict
from carelane.base.errors import InvariantError
from carelane.delivery.analyses import AnalysisRun, Key
from carelane.delivery.decisions.draft import Snapshot
from carelane.delivery.deployments import AT_STEPS, Deployment, Rollout
from carelane.delivery.observations import RoutingSeen
from carelane.delivery.ports import AnalysisRepository
from carelane.delivery.strategies import StrategyKind


def thresholds_under_way(deployment: Deployment | None, repository: AnalysisRepository) -> set[float]:
    """The thresholds of slow requests that the canaries under way are judged by, in milliseconds.

    They go on being counted whatever the configuration says by now: an objective that nothing is
    counted for would be shown to be safe.
    """
    if deployment is None or deployment.ended:
        return set()
    runs = (repository.analysis(deployment.id, service) for service in deployment.rollouts)
    return {ms for run in runs if run is not None for ms in run.policy.thresholds_ms if ms is not None}


@dataclass(frozen=True)
class _Going:
    """*weight* is the canary's all through the window that is open, *routed* that of the last look."""

    run: AnalysisRun
    judge: Judge
    evidence: Evidence
    sources: Mapping[str, Readings]
    windows: int
    weight: int = 0
    routed: int = 0
    stale_at: float | None = None
    """When the sources were last looked at before this began, for a preview that nothing was read of yet."""


class Judging:
    """Judges the canaries of one environment, as its metrics come in."""

    def __init__(self, metrics: MetricSource, repository: AnalysisRepository) -> None:
        self._metrics = metrics
        self._repository = repository
        self._going: dict[Key, _Going] = {}
        self._blamed: dict[Key, Evidence] = {}

    def look(
        self, snapshot: Snapshot, routing: RoutingSeen, policy: AnalysisPolicy, now: datetime
    ) -> Mapping[Key, Evidence]:
        """How each canary under way does at its weight, with what was counted since the last look."""
        deployment, found = snapshot.deployment, dict[Key, Evidence]()
        if deployment is None or deployment.ended:
            self._going = {}
            return found
        due = _due(deployment)
        in_force = routing.in_force(snapshot.state.generation)
        self._going = {key: going for key, going in self._going.items() if key in due}
        for key, rollout in due.items():
            going = self._gone_on(self._going.get(key) or self._taken_up(deployment, rollout, policy, now))
            weight = rollout.strategy.weight_at(rollout.step)
            if in_force:
                going = replace(going, routed=max(going.routed, weight))
            self._going[key] = going
            found |= self._told(going, _beside(deployment, key), weight)
        return found

    def _told(self, going: _Going, beside: list[Key], weight: int) -> dict[Key, Evidence]:
        """What is to be acted on: where the deployment fails, it is who contributes most that does."""
        run, judge = going.run, going.judge
        if judge.failed is None or not run.trial.others:
            return {run.key: _at_weight(going, weight)}
        now = judge.now()
        most = max(run.trial.others)
        if now.log_e_worse >= most:
            return {run.key: judge.failed}
        other = beside[run.trial.others.index(most)]
        if other not in self._blamed:
            self._blamed = {other: self._against(other)}
        blamed = replace(self._blamed[other], log_e_deployment=now.log_e_deployment, decided_at=now.at)
        return {run.key: now, other: blamed}

    def _against(self, key: Key) -> Evidence:
        run = self._repository.analysis(*key)
        if run is None:
            raise InvariantError(f"what {key[1]} ended with counts, and no analysis of it is recorded")
        return run.judge().against()

    def _others(self, beside: list[Key]) -> tuple[float, ...]:
        """What the services beside this one ended with, 0 where they have not begun.

        One that failed and goes on all the same was let go by a person, who knows: it is not held against
        the others.
        """
        ended = [
            None if run is None else run.judge() for run in (self._repository.analysis(*k) for k in beside)
        ]
        return tuple(0.0 if judge is None or judge.failed else judge.now().log_e_worse for judge in ended)

    def _taken_up(
        self, deployment: Deployment, rollout: Rollout, policy: AnalysisPolicy, now: datetime
    ) -> _Going:
        """Where an earlier server left off, or a new beginning."""
        key = (deployment.id, rollout.service)
        run = self._repository.analysis(*key)
        if run is None:
            stable, canary = rollout.from_label or "", rollout.to_label
            if rollout.strategy.compares:
                stable, canary = canary, stable  # it is what users have that is on trial
            history = self._metrics.history(rollout.service, stable, policy.thresholds_ms)
            preview = rollout.strategy.kind is StrategyKind.BLUE_GREEN
            trial = Trial(rollout.strategy.weights, self._others(_beside(deployment, key)))
            run = AnalysisRun(
                key[0], key[1], stable, canary, now, policy, history, preview=preview, trial=trial
            )
            self._repository.begin_analysis(run)
        kept, judge = replace(run, windows=()), run.judge()
        # A preview may have been asked before it was up: what that was answered is in the counters by
        # the next look. A canary has its first users after this.
        first = run.preview and not run.sources
        stale_at = max((r.at_seconds for r in self._read(kept).values()), default=0.0) if first else None
        at = judge.weight
        return _Going(kept, judge, judge.evidence(), run.sources, len(run.windows), at, at, stale_at)

    def _gone_on(self, going: _Going) -> _Going:
        run = going.run
        readings = self._read(run)
        if not readings:
            return going
        if going.stale_at is not None and min(r.at_seconds for r in readings.values()) <= going.stale_at:
            return going
        sources, seen = gone_on(going.sources, readings)
        # What was read may be older than this look: a weight counts from what is read after it was routed.
        going = replace(going, sources=sources, stale_at=None)
        if not seen:
            return going
        window = replace(merged(seen), weight=going.weight)
        going = replace(going, weight=going.routed)
        if going.windows == 0 and window.canary.requests == 0:
            return going  # it begins with the canary's first request
        judge = going.judge.after(window)
        evidence = judge.evidence()
        self._repository.add_window(run.key, window, going.sources, evidence)
        return replace(going, judge=judge, evidence=evidence, windows=going.windows + 1)

    def _read(self, run: AnalysisRun) -> Mapping[str, Reading]:
        return self._metrics.readings(
            run.service, run.stable, run.canary, run.policy.thresholds_ms, preview=run.preview
        )


def _at_weight(going: _Going, weight: int) -> Evidence:
    """What is known at *weight*: a pass at an earlier one is none."""
    evidence = going.evidence
    if evidence.verdict is not Verdict.PASS or going.judge.weight >= weight:
        return evidence
    return replace(
        evidence,
        verdict=Verdict.INCONCLUSIVE,
        reasons=(Reason.WEIGHT_BEGINS,),
        alpha=going.run.policy.alpha,
        decided_at=None,
    )


def _beside(deployment: Deployment, key: Key) -> list[Key]:
    """The deployment's other services that are judged: they share alpha."""
    every = [(deployment.id, r.service) for r in deployment.rollouts.values() if r.strategy.judged]
    return [other for other in every if other != key]


def _due(deployment: Deployment) -> dict[Key, Rollout]:
    return {
        (deployment.id, rollout.service): rollout
        for rollout in deployment.rollouts.values()
        if rollout.phase in AT_STEPS and _has_requests(rollout)
    }


def _has_requests(rollout: Rollout) -> bool:
    """Whether what is on trial may have requests to judge it by: a canary users, a preview its testers."""
    return rollout.strategy.kind is StrategyKind.CANARY or rollout.step in rollout.strategy.previewed
