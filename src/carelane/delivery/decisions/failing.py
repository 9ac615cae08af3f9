"""When a rollout has failed, and in which words: rules that read, and change nothing."""

from collections.abc import Callable

from carelane.analysis.verdicts import Evidence, Verdict
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import THERE, Failure, FailureKind, Kind, Rollout, RolloutPhase
from carelane.delivery.observations import ProcessPhase, Unstarted
from carelane.delivery.strategies import OnInconclusive, StepKind

READINESS_LOST_SECONDS = 3.0
"""How long a canary may have nobody ready while all of stable is; users are with stable meanwhile."""

Rule = Callable[[Draft, Rollout], Failure | None]
REJECTED_SECONDS = 5.0
UNSTARTED_SECONDS = 3.0


def failure(draft: Draft, rollout: Rollout) -> Failure | None:
    """Why the rollout must end now; None while it may go on."""
    return _first(draft, rollout, (*_WHILE_HELD, _unconfirmed, _rejected, _asked, _undecided, deadline))


def failure_while_held(draft: Draft, rollout: Rollout) -> Failure | None:
    """The same while a person holds it: only time does not count against it."""
    return _first(draft, rollout, _WHILE_HELD)


def failure_to_switch(draft: Draft, rollout: Rollout) -> Failure | None:
    """What a person should know of a switch that has not come about; it is tried on all the same."""
    return _first(draft, rollout, (_died, _rejected, deadline))


def _first(draft: Draft, rollout: Rollout, rules: tuple[Rule, ...]) -> Failure | None:
    """The first failure that nobody has let go."""
    found = (rule(draft, rollout) for rule in rules)
    return next((said for said in found if said is not None and said.kind not in rollout.overruled), None)


def arrived(draft: Draft, rollout: Rollout) -> bool:
    """Whether enough of what has all the traffic is ready for the deployment to be called done.

    An emergency is done with one: the rest joins when it is ready.
    """
    wanted = 1 if draft.current().kind is Kind.EMERGENCY else draft.promised(rollout.service)
    return draft.ready(rollout.service, rollout.to_label) >= wanted


def _died(draft: Draft, rollout: Rollout) -> Failure | None:
    """Whether an instance on trial does not live; None where all do."""
    return crashes(draft, rollout.service, rollout.to_label) or _hangs(draft, rollout)


def _hangs(draft: Draft, rollout: Rollout) -> Failure | None:
    for copy in draft.staying(rollout.service, rollout.to_label):
        if copy.live is False:
            return Failure(FailureKind.LIVENESS, f"{copy.id} does not answer its liveness probe")
    return None


def crashes(draft: Draft, service: str, label: str) -> Failure | None:
    """Whether an instance of this version cannot be started, or ends again and again."""
    policy = draft.policy.rollback
    for copy in draft.staying(service, label):
        never = unstarted(draft, copy.id, copy.unstarted)
        if never is not None:
            return Failure(FailureKind.START, never)
        if copy.restarts is not None and copy.restarts >= policy.crash_loop_restarts:
            ended = f"ended {copy.restarts} times, last with {exit_words(copy.exit_code)}"
            return Failure(FailureKind.CRASH_LOOP, f"{copy.id} {ended}")
    return None


def unstarted(draft: Draft, name: str, tried: Unstarted | None) -> str | None:
    """Why *name* cannot be started, once that was *tried* for a while."""
    if tried is None or draft.seconds_since(tried.since) < UNSTARTED_SECONDS:
        return None
    return f"{name} cannot be started: {tried.why}"


def _rejected(draft: Draft, rollout: Rollout) -> Failure | None:
    """A routing that stays rejected; what an earlier deployment left behind has a moment to leave."""
    del rollout
    seen = draft.seen.routing
    return Failure(FailureKind.ROUTING, seen.rejected) if seen.rejected_seconds >= REJECTED_SECONDS else None


def exit_words(code: int | None) -> str:
    """How a process ended, for people."""
    return "an exit code nobody saw" if code is None else f"exit code {code}"


def _judged(draft: Draft, rollout: Rollout) -> Failure | None:
    evidence = draft.evidence(rollout)
    if evidence is None or evidence.verdict is not Verdict.FAIL or draft.policy.dry_run:
        return None
    if rollout.strategy.compares:
        return None  # it is stable that is on trial there
    return Failure(FailureKind.WORSE, evidence.words)


def lost_readiness(draft: Draft, rollout: Rollout) -> bool:
    """Whether what carries traffic lacks instances that are ready (see `_readiness_lost`)."""
    state = draft.service(rollout.service)
    promoting = rollout.phase in THERE
    carries = promoting or (rollout.strategy.stepped and state.canary_percent)
    if not carries or state.canary != rollout.to_label:
        return False
    return _nobody_but_stable(draft, rollout) or (promoting and not _carries(draft, rollout))


def _carries(draft: Draft, rollout: Rollout) -> bool:
    """Whether as many are ready as carry its users; what a person adds meanwhile takes nothing from that."""
    return draft.ready(rollout.service, rollout.to_label) >= draft.carries(rollout.service)


def _nobody_but_stable(draft: Draft, rollout: Rollout) -> bool:
    name, stable = rollout.service, draft.service(rollout.service).stable
    promoting = rollout.phase in THERE
    copies = draft.staying(name, stable) if promoting else draft.serving(name, stable)
    holds = bool(copies) and stable != rollout.to_label and all(copy.ready for copy in copies)
    return holds and not draft.ready(name, rollout.to_label)


def _readiness_lost(draft: Draft, rollout: Rollout) -> Failure | None:
    """What carries traffic and has nobody ready, while all of stable is; not before some seconds.

    Once it has all the traffic stable is warm, and may have been lost too: that has the deadline's time.
    """
    since = rollout.unready_since
    if since is None:
        return None
    lasted = draft.seconds_since(since)
    label, stable = rollout.to_label, draft.service(rollout.service).stable
    if lasted >= READINESS_LOST_SECONDS and _nobody_but_stable(draft, rollout):
        said = f"no instance of {label} is ready any more, all of {stable} are"
        return Failure(FailureKind.READINESS, said)
    if lasted >= draft.policy.rollback.progress_deadline_seconds:
        return Failure(FailureKind.READINESS, f"too few instances of {label} are ready, for {lasted:.0f} s")
    return None


def _asked(draft: Draft, rollout: Rollout) -> Failure | None:
    """Whether what a canary step asks has been answered wrongly, or not in time."""
    step = rollout.current_step
    if step is None or step.kind not in {StepKind.CHECK, StepKind.VERIFY}:
        return None
    if step.command:
        task = rollout.check_id(draft.current().id)
        seen = draft.seen.tasks.get(task)
        if seen is not None and seen.phase is ProcessPhase.EXITED and seen.exit_code != 0:
            said = f"{task} ended with {exit_words(seen.exit_code)}; its log says why"
            return Failure(FailureKind.CHECK, said)
    if step.seconds is None or draft.seconds_at_step(rollout) < step.seconds:
        return None
    kind = FailureKind.VERIFY if step.kind is StepKind.VERIFY else FailureKind.CHECK
    wrong = draft.answer(rollout) or _before(draft, rollout) or "no answer"
    return Failure(kind, f"not right within {step.seconds:g} s: {wrong}")


def _before(draft: Draft, rollout: Rollout) -> str:
    """What a check's command still waits for; "" where nothing is in its way."""
    before = draft.seen.unended_tasks(rollout.service, rollout.check_id(draft.current().id))
    return f"{', '.join(before)} has not ended" if before else ""


def _undecided(draft: Draft, rollout: Rollout) -> Failure | None:
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
    return Failure(FailureKind.UNDECIDED, f"no verdict after {step.seconds:g} s: {said}")


def _unconfirmed(draft: Draft, rollout: Rollout) -> Failure | None:
    """Whether a suspicion was not borne out: stable is shown to be no worse, or not to be so in time."""
    step = rollout.current_step
    if step is None or step.kind is not StepKind.COMPARE:
        return None
    evidence = draft.evidence(rollout)
    if evidence is not None and evidence.verdict is Verdict.PASS:
        return Failure(FailureKind.UNCONFIRMED, f"{compared(evidence, rollout)}: no worse than is allowed")
    if step.seconds is None or draft.seconds_at_step(rollout) < step.seconds:
        return None
    said = "nothing was counted" if evidence is None else compared(evidence, rollout)
    return Failure(FailureKind.UNCONFIRMED, f"{said}: not shown to be worse within {step.seconds:g} s")


def compared(evidence: Evidence, rollout: Rollout) -> str:
    """What users got of stable, which is on trial, and of the version before it at the same time."""
    seen = evidence.leading
    what = "failed" if seen.name == "errors" else f"were {seen.name}"
    return (
        f"{seen.canary_bad:,} of {evidence.canary_requests:,} requests to {rollout.from_label} {what},"
        f" {seen.stable_bad:,} of {evidence.stable_requests:,} to {rollout.to_label}"
    )


def deadline(draft: Draft, rollout: Rollout) -> Failure | None:
    """Whether more became ready in the time that there is for it."""
    since = rollout.progress_at if rollout.phase is not RolloutPhase.SETTLING else None
    limit = draft.policy.rollback.progress_deadline_seconds
    if since is None or draft.seconds_since(since) < limit:
        return None
    ready = draft.ready(rollout.service, rollout.to_label)
    wanted = draft.size(rollout.service)
    lacking = "" if draft.in_force() else ", the proxies have not taken the routing"
    said = f"{ready} of {wanted} instances of {rollout.to_label} ready{lacking}"
    return Failure(FailureKind.DEADLINE, f"{said}, no progress for {limit:g} s")


_WHILE_HELD: tuple[Rule, ...] = (_died, _judged, _readiness_lost)
