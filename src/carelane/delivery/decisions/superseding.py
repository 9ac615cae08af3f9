"""When one deployment takes another's place: whether it may, and where users are then."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from carelane.base.errors import ConflictError
from carelane.delivery.decisions import finishing, leaving, watching
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind, Phase, Rollout, RolloutPhase
from carelane.delivery.releases import Release, ServiceKind


def refuse(draft: Draft, active: Deployment, wanted: Request) -> None:
    """Raises ConflictError where what is *wanted* may not take the place of what is *active*."""
    back = _brought_back(draft, active, wanted.release) if wanted.by_token else []
    if back:
        raise ConflictError(
            f"{active.release} is being gone back to in {active.environment} ({active.kind} {active.id} by"
            f" {active.author}), and {wanted.release.name} would bring back what is left: {', '.join(back)}",
            hint="a pipeline's token does not end that; a person may, and a fix may be deployed by either",
        )
    if active.kind is Kind.EMERGENCY and wanted.kind is not Kind.EMERGENCY:
        raise ConflictError(
            f"emergency rollback {active.id} to {active.release} is under way in {active.environment}"
            f" ({active.phase}): nothing but another emergency takes its place",
            hint="wait for its end, or give it up by `carelane rollout abort`; then deploy",
        )


def _brought_back(draft: Draft, active: Deployment, release: Release) -> list[str]:
    """What *active*, a rollback, leaves, where *release* would put all of it in place again.

    A fix may have some of it: what was bad is not known by service.
    """
    if active.kind is not Kind.ROLLBACK or active.phase is Phase.ABORTING or draft.release is None:
        return []
    running = draft.snapshot.state.running.items()
    removed = {name: version.label for name, version in running if name not in draft.release.versions}
    return _all_of({**active.left, **removed}, release)


def _all_of(left: Mapping[str, str], release: Release) -> list[str]:
    again = {name: version.label for name, version in release.versions.items()}
    all_ = all(again.get(name) == label for name, label in left.items())
    return [f"{name} {label}" for name, label in left.items()] if all_ else []


def refuse_left(deployments: Iterable[Deployment], release: Release) -> bool:
    """Keep a pipeline from deploying what somebody left in an emergency, until a person has deployed.

    Args:
        deployments: Those of the environment, newest first.
        release: What a pipeline's token asks for.

    Returns:
        Whether a person has deployed, so that no earlier ones say anything.

    Raises:
        ConflictError: If *release* is what was left.
    """
    for deployment in deployments:
        if deployment.kind is Kind.DEPLOY and not deployment.by_token:
            return True
        back = _all_of(deployment.left, release) if deployment.kind is Kind.EMERGENCY else []
        if back:
            raise ConflictError(
                f"{release.name} was left by {deployment.author}'s emergency rollback {deployment.id}"
                f" ({', '.join(back)}): a pipeline's token does not bring it back",
                hint="deploy a fix; or a person deploys, after which pipelines may deploy it too",
            )
    return False


def has_moved_users(active: Deployment) -> bool:
    """Whether users, or work, are back by *active*, a rollback: what follows does not take that from them."""
    undecided = any(rollout.compares_still for rollout in active.rollouts.values())
    back = any(rollout.users_since is not None for rollout in active.rollouts.values())
    return active.kind is Kind.ROLLBACK and active.phase is not Phase.ABORTING and back and not undecided


def keep_moved(draft: Draft) -> None:
    """Where the rollback under way goes is stable from now on: what has not arrived yet follows."""
    for rollout in draft.current().rollouts.values():
        if rollout.phase is RolloutPhase.PENDING:
            draft.put_on_trial(rollout)
    finishing.settle(draft, whole=False)


def supersede(draft: Draft, wanted: Request, taken: Collection[str] = ()) -> None:
    """End the deployment under way: its versions leave the routing before anything else starts.

    But for those services that are *taken* by an emergency, which sees to their users itself; and those
    without a stable version that go on at another one, for only what is replaced answers yet.
    """
    old = draft.current()
    because = f"superseded by deployment {wanted.id} of {wanted.release.name}"
    for rollout in old.rollouts.values():
        if rollout.phase in {RolloutPhase.HEALTHY, RolloutPhase.DEGRADED}:
            continue
        stays = rollout.service in taken or _is_replaced(draft, rollout, wanted.release)
        begun = rollout.phase is not RolloutPhase.PENDING or draft.service(rollout.service).canary is not None
        if begun and not stays:
            _back_to_stable(draft, rollout, wanted.release)
        draft.put_rollout(rollout, RolloutPhase.DEGRADED, because)
    if not taken:
        watching.give_back(draft, old.id)
    draft.to_phase(Phase.SUPERSEDED, because, wanted.author)
    draft.also(draft.current())


def _is_replaced(draft: Draft, rollout: Rollout, release: Release) -> bool:
    """Whether what is new here is replaced by another version, with nothing stable to go back to."""
    new = draft.service(rollout.service).stable is None
    return new and rollout.service in release.versions and draft.wanted(rollout).run.kind is ServiceKind.WEB


def _back_to_stable(draft: Draft, rollout: Rollout, release: Release) -> None:
    name = rollout.service
    state = replace(draft.service(name), canary=None)
    draft.put(name, state)
    if state.stable is None and draft.wanted(rollout).run.kind is ServiceKind.WEB:
        leaving.see_off(draft, name, release.versions)
    elif state.stable is None:
        draft.leave(name)
    else:
        draft.rest(name)
