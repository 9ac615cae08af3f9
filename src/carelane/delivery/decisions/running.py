"""What a person does to a service that runs, without another version: its size, a new beginning."""

from collections.abc import Iterable
from dataclasses import replace

from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.environments import ServiceState
from carelane.delivery.releases import ServiceKind


def scale(draft: Draft, service: str, replicas: int | None, author: str, reason: str) -> None:
    """Have *replicas* copies of *service* until the next deployment; None is what the policy says.

    Raises:
        NotFoundError: If it does not run.
        InputError: If it is a worker, and to be more than one.
        ConflictError: If its platform, or somebody there, owns its size.
    """
    state = _running(draft, service)
    version = state.versions[state.stable or ""]
    if version.run.kind is ServiceKind.WORKER and (replicas or 0) > 1:
        raise InputError(
            f"{service} is a worker: it never runs twice", hint="only a web service has replicas"
        )
    if draft.seen.size(service) is not None:
        raise ConflictError(f"its platform says how many copies of {service} there are")
    usual = draft.policy.replicas_of(service)
    wanted = None if replicas == usual else replicas
    if wanted == state.scaled:
        raise ConflictError(f"{service} has {wanted or usual} replicas already")
    moving = draft.deployment.id if draft.deployment is not None and not draft.deployment.ended else None
    draft.put(service, replace(state, scaled=wanted, scaled_during=moving))
    said = (
        f"{wanted} replicas, until the next deployment"
        if wanted is not None
        else f"{usual} replicas, as ever"
    )
    draft.record(
        "service.scaled",
        service,
        reason or said,
        actor=author,
        details={"service": service, "replicas": wanted or usual, "before": state.scaled or usual},
    )


def restart(draft: Draft, service: str, author: str, reason: str) -> None:
    """Renew the copies of *service*, one after the other.

    Raises:
        NotFoundError: If it does not run.
        ConflictError: If something is on its way.
    """
    state = _running(draft, service)
    current = draft.deployment
    if current is not None and not current.ended:
        raise ConflictError(
            f"deployment {current.id} is under way, and {service} with it",
            hint="wait for it, or end it: `carelane rollout watch`, `carelane rollout abort`",
        )
    draft.put(service, replace(state, restarted_at=draft.now))
    draft.record("service.restarted", service, reason, actor=author, details={"service": service})


def overtake(draft: Draft, services: Iterable[str]) -> None:
    """A deployment moves *services*: nothing of them is to be renewed any more, nor what is gone back to."""
    for name in services:
        if draft.service(name).restarted_at is not None:
            draft.put(name, replace(draft.service(name), restarted_at=None))


def settle(draft: Draft) -> None:
    """A deployment has arrived: sizes are the policy's again, but for those given while it was under way."""
    for name, state in draft.services.items():
        if state.scaled is not None and state.scaled_during != draft.current().id:
            draft.put(name, replace(state, scaled=None))


def _running(draft: Draft, service: str) -> ServiceState:
    running = [name for name, state in draft.services.items() if state.stable is not None]
    if service not in running:
        there = ", ".join(running) or "none"
        raise NotFoundError(f"no service {service!r} runs here", hint=f"there are: {there}")
    return draft.service(service)
