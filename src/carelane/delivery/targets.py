"""What an environment is to come to: derived from the recorded state, never stored.

This is all that a platform is told. Whether it keeps its own copies, as Kubernetes does, or has them kept
by `delivery/replicas`, is its own business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from carelane.delivery.copies import Copies
from carelane.delivery.deployments import MOVING, Deployment, Kind, Phase, Rollout, RolloutPhase
from carelane.delivery.environments import EnvironmentState, ServiceState
from carelane.delivery.observations import Observation
from carelane.delivery.policies import Pace, Policy
from carelane.delivery.releases import ServiceVersion


@dataclass(frozen=True)
class ServiceTarget:
    """What one service is to come to.

    *home* is the label that is to have the lasting place. With *shares* versions stand side by side; None
    replaces in place, at *pace*, or (without one) at once: *home* is made whole, then the others go, and
    traffic follows readiness. A label without copies goes: out of the traffic, drained, ended, once users
    need it no more. 100 % are *size* copies, *least* of them are always to be ready. While it is *paused* a
    replacement in place stands still; while it is *held* the service may grow, and not shrink.

    What hangs of *stable* is replaced; what is on *trial* is judged by it. While nothing is on its way what
    was begun before *restarted_at* is renewed: each copy leaves once another is ready in its place. Of what
    is warm *size* are kept, or *warm* if that is more: a size for today takes nothing from what users may go
    back to.
    """

    home: str | None = None
    stable: str | None = None
    trial: str | None = None
    copies: Mapping[str, Copies] = field(default_factory=dict)
    shares: Mapping[str, int] | None = None
    versions: Mapping[str, ServiceVersion] = field(default_factory=dict)
    size: int = 1
    least: int = 1
    pace: Pace | None = None
    paused: bool = False
    held: bool = False
    restarted_at: datetime | None = None
    warm: int = 0


@dataclass(frozen=True)
class Target:
    """An environment as it should be, as of a recorded generation."""

    generation: int
    services: Mapping[str, ServiceTarget] = field(default_factory=dict)


def target(
    state: EnvironmentState, deployment: Deployment | None, policy: Policy, seen: Observation
) -> Target:
    """What the recorded *state* asks for while *deployment*, if any, is under way."""
    active = deployment if deployment is not None and not deployment.ended else None
    return Target(
        state.generation,
        {name: _service(name, service, active, policy, seen) for name, service in state.services.items()},
    )


def _service(
    name: str,
    state: ServiceState,
    active: Deployment | None,
    policy: Policy,
    seen: Observation,
) -> ServiceTarget:
    rollout = active.rollouts.get(name) if active is not None else None
    size = size_of(name, state, policy, seen)
    return ServiceTarget(
        home=state.home,
        stable=state.stable,
        trial=state.canary,
        copies=state.copies,
        shares=state.shares,
        versions=state.versions,
        size=size,
        least=policy.pace.promised(size),
        pace=_pace(active, rollout, policy) if active is not None and rollout is not None else None,
        paused=active is not None and active.phase is Phase.PAUSED,
        held=rollout is not None and rollout.phase in {*MOVING, RolloutPhase.ABORTING},
        restarted_at=state.restarted_at if active is None else None,
        warm=max(size, usual_size(name, policy, seen)),
    )


def size_of(name: str, state: ServiceState, policy: Policy, seen: Observation) -> int:
    """How many copies there are to be of service *name*: its platform's word, a person's, or the policy's."""
    return seen.size(name) or state.scaled or usual_size(name, policy, seen)


def usual_size(name: str, policy: Policy, seen: Observation) -> int:
    """The same without a person's word."""
    return seen.size(name) or policy.replicas_of(name)


def _pace(active: Deployment, rollout: Rollout, policy: Policy) -> Pace | None:
    """The pace of a replacement in place; None where there is none, or nothing is to wait for it.

    What is gone back to was there before, and is not asked for how long it has been ready.
    """
    if active.kind is Kind.EMERGENCY or rollout.strategy.stepped or rollout.phase not in MOVING:
        return None
    return policy.pace if active.kind is Kind.DEPLOY else replace(policy.pace, min_ready_seconds=0.0)
