"""When a rollout has failed, in one sentence a person can act on."""

from carelane.delivery.decisions import instances
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Rollout
from carelane.delivery.environments import STAYING, Intent

REJECTED_SECONDS = 5.0
UNSTARTED_SECONDS = 3.0


def failure(draft: Draft, rollout: Rollout) -> str | None:
    """Why the rollout must end now; None while it may go on."""
    return died(draft, rollout) or _rejected(draft) or _deadline(draft, rollout)


def died(draft: Draft, rollout: Rollout) -> str | None:
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


def _rejected(draft: Draft) -> str | None:
    """A routing that stays rejected; what an earlier deployment left behind has a moment to leave."""
    seen = draft.seen.routing
    return f"routing: {seen.rejected}" if seen.rejected_seconds >= REJECTED_SECONDS else None


def _exit(code: int | None) -> str:
    return "an exit code nobody saw" if code is None else f"exit code {code}"


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
