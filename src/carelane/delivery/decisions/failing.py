"""When a rollout has failed, in one sentence a person can act on."""

from collections.abc import Callable
from dataclasses import replace

from carelane.analysis.verdicts import Verdict
from carelane.delivery.decisions import instances
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Kind, Rollout, RolloutPhase
from carelane.delivery.environments import STAYING, Intent
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.strategies import OnInconclusive, StepKind

READINESS_LOST_SECONDS = 3.0
"""How long a canary may have nobody ready while all of stable is; users are with stable meanwhile."""

ANALYSIS = "analysis"
Rule = Callable[[Draft, Rollout], str | None]
REJECTED_SECONDS = 5.0
UNSTARTED_SECONDS = 3.0


def failure(draft: Draft, rollout: Rollout) -> str | None:
    """Why the rollout must end now; None while it may go on."""
    return _first(draft, rollout, (*_WHILE_HELD, _rejected, _asked, _undecided, _deadline))


def failure_while_held(draft: Draft, rollout: Rollout) -> str | None:
    """The same while a person holds it: only time does not count against it."""
    return _first(draft, rollout, _WHILE_HELD)


def kind_of(failure: str) -> str:
    """What kind of *failure* it is: what its sentence begins with."""
    return failure.partition(":")[0]


def _first(draft: Draft, rollout: Rollout, rules: tuple[Rule, ...]) -> str | None:
    """The first failure that nobody has let go."""
    for rule in rules:
        found = rule(draft, draft.rollout(rollout.service))
        if found is not None and kind_of(found) not in rollout.overruled:
            return found
    return None


def arrived(draft: Draft, rollout: Rollout) -> bool:
    """Whether enough of what has all the traffic is ready for the deployment to be called done.

    An emergency is done with one: the rest joins when it is ready.
    """
    state = draft.service(rollout.service)
    replicas = draft.replicas(rollout.service)
    unavailable, _ = draft.policy.pace.resolved(replicas)
    wanted = 1 if draft.current().kind is Kind.EMERGENCY else max(replicas - unavailable, 1)
    return len(instances.ready(draft, state, rollout.to_label, Intent.SERVE)) >= wanted


def _died(draft: Draft, rollout: Rollout) -> str | None:
    """Whether an instance on trial does not live; None where all do."""
    policy = draft.policy.rollback
    state = draft.service(rollout.service)
    for instance in state.of(rollout.to_label, *STAYING):
        never = unstarted(draft, instance.id)
        if never is not None:
            return f"start: {never}"
        seen = draft.seen.instances.get(instance.id)
        if seen is None:
            continue
        if seen.restarts >= policy.crash_loop_restarts:
            return f"crash loop: {instance.id} ended {seen.restarts} times, last with {_exit(seen.exit_code)}"
        if seen.live is False:
            return f"liveness: {instance.id} does not answer its liveness probe"
    return None


def unstarted(draft: Draft, name: str) -> str | None:
    """Why *name* cannot be started, once that was tried for a while."""
    tried = draft.seen.unstarted.get(name)
    if tried is None or (draft.now - tried.since).total_seconds() < UNSTARTED_SECONDS:
        return None
    return f"{name} cannot be started: {tried.why}"


def _rejected(draft: Draft, rollout: Rollout) -> str | None:
    """A routing that stays rejected; what an earlier deployment left behind has a moment to leave."""
    del rollout
    seen = draft.seen.routing
    return f"routing: {seen.rejected}" if seen.rejected_seconds >= REJECTED_SECONDS else None


def _exit(code: int | None) -> str:
    return "an exit code nobody saw" if code is None else f"exit code {code}"


def _judged(draft: Draft, rollout: Rollout) -> str | None:
    evidence = draft.evidence(rollout)
    if evidence is None or evidence.verdict is not Verdict.FAIL or draft.policy.dry_run:
        return None
    return f"{ANALYSIS}: {evidence.words}"


def _readiness_lost(draft: Draft, rollout: Rollout) -> str | None:
    """What carries traffic and has nobody ready, while all of stable is; not before some seconds.

    Once it has all the traffic stable is warm, and may have been lost too: that has the deadline's time.
    """
    state = draft.service(rollout.service)
    promoting = rollout.phase is RolloutPhase.PROMOTING
    carries = promoting or (rollout.strategy.stepped and state.canary_percent)
    stable = state.of(state.stable, *(STAYING if promoting else (Intent.SERVE,)))
    holds = bool(stable) and state.stable != rollout.to_label and all(draft.ready(i) for i in stable)
    none = not instances.ready(draft, state, rollout.to_label, Intent.SERVE)
    lacks = promoting and not arrived(draft, rollout)
    lost = carries and state.canary == rollout.to_label and ((holds and none) or lacks)
    since = (rollout.unready_since or draft.now) if lost else None
    if since != rollout.unready_since:
        draft.put_rollout(replace(draft.rollout(rollout.service), unready_since=since))
    lasted = 0.0 if since is None else (draft.now - since).total_seconds()
    if since is not None and holds and none and lasted >= READINESS_LOST_SECONDS:
        return f"readiness: no instance of {rollout.to_label} is ready any more, all of {state.stable} are"
    if since is not None and lasted >= draft.policy.rollback.progress_deadline_seconds:
        return f"readiness: too few instances of {rollout.to_label} are ready, for {lasted:.0f} s"
    return None


def _asked(draft: Draft, rollout: Rollout) -> str | None:
    """Whether what a canary step asks has been answered wrongly, or not in time."""
    step = rollout.current_step
    if step is None or step.kind not in {StepKind.CHECK, StepKind.VERIFY}:
        return None
    if step.command:
        task = rollout.check_id(draft.current().id)
        seen = draft.seen.tasks.get(task)
        if seen is not None and seen.phase is ProcessPhase.EXITED and seen.exit_code != 0:
            return f"check: {task} ended with {_exit(seen.exit_code)}; its log says why"
    if step.seconds is None or draft.seconds_at_step(rollout) < step.seconds:
        return None
    wrong = draft.answer(rollout) or _before(draft, rollout) or "no answer"
    return f"{step.kind}: not right within {step.seconds:g} s: {wrong}"


def _before(draft: Draft, rollout: Rollout) -> str:
    """What a check's command still waits for; "" where nothing is in its way."""
    before = draft.seen.unended_tasks(rollout.service, rollout.check_id(draft.current().id))
    return f"{', '.join(before)} has not ended" if before else ""


def _undecided(draft: Draft, rollout: Rollout) -> str | None:
    """Whether an analysis step has ended without a verdict where the policy turns back then."""
    step = rollout.current_step
    if step is None or step.kind is not StepKind.ANALYSIS or step.seconds is None:
        return None
    evidence = draft.evidence(rollout)
    early = draft.seconds_at_step(rollout) < step.seconds
    turns_back = rollout.strategy.on_inconclusive is OnInconclusive.ABORT and not draft.policy.dry_run
    if not turns_back or early or (evidence and evidence.verdict is Verdict.PASS):
        return None
    said = evidence.words if evidence else "nothing was counted"
    return f"{ANALYSIS}: no verdict after {step.seconds:g} s: {said}"


def _deadline(draft: Draft, rollout: Rollout) -> str | None:
    since = rollout.progress_at
    limit = draft.policy.rollback.progress_deadline_seconds
    if since is None or (draft.now - since).total_seconds() < limit:
        return None
    state = draft.service(rollout.service)
    ready = len(instances.ready(draft, state, rollout.to_label, Intent.SERVE))
    wanted = draft.replicas(rollout.service)
    lacking = "" if draft.in_force() else ", the proxies have not taken the routing"
    said = f"{ready} of {wanted} instances of {rollout.to_label} ready{lacking}"
    return f"deadline: {said}, no progress for {limit:g} s"


_WHILE_HELD: tuple[Rule, ...] = (_died, _judged, _readiness_lost)
