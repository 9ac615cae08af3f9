"""The decision being made: a copy of the recorded state that the rules below may change.

Rules read and write a Draft; what comes out is one Decision, recorded as a whole or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from carelane.analysis.verdicts import Evidence
from carelane.audit.entries import Detail, Entry
from carelane.base.errors import InvariantError
from carelane.delivery import names, routing
from carelane.delivery.deployments import (
    ROLLOUT_TRANSITIONS,
    Deployment,
    Kind,
    Phase,
    Revision,
    Rollout,
    RolloutPhase,
    Unseen,
    check_transition,
)
from carelane.delivery.environments import EnvironmentState, Instance, Intent, ServiceState
from carelane.delivery.incidents import Incident
from carelane.delivery.observations import Observation, ProcessPhase
from carelane.delivery.policies import Policy
from carelane.delivery.releases import Release, ServiceKind, ServiceVersion
from carelane.delivery.routing import Routing

ENGINE = "carelane"
WORKER_SETTLED_SECONDS = 1.0
UNSEEN_SECONDS = 5.0
"""Looks that are farther apart leave a while in which anything may have happened."""


@dataclass(frozen=True)
class Snapshot:
    """What is recorded of an environment: its state, the deployment under way, and that one's release.

    *incidents* are those that are open.
    """

    state: EnvironmentState
    deployment: Deployment | None = None
    release: Release | None = None
    incidents: tuple[Incident, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What is to be recorded, in one transaction, under *state.generation* + 1."""

    state: EnvironmentState
    deployments: tuple[Deployment, ...] = ()
    entries: tuple[Entry, ...] = ()
    revision: Revision | None = None
    undone: tuple[int, ...] = ()
    incidents: tuple[Incident, ...] = ()
    """Those that it opens or resolves."""


@dataclass
class Draft:
    """A decision in the making.

    *now* is what deadlines are reckoned by, *wall* what the machine's clock shows: the same unless somebody
    set it, and what entries tell.
    """

    snapshot: Snapshot
    policy: Policy
    seen: Observation
    now: datetime
    wall: datetime
    services: dict[str, ServiceState] = field(init=False)
    deployment: Deployment | None = field(init=False)
    release: Release | None = field(init=False)
    entries: list[Entry] = field(default_factory=list)
    revision: Revision | None = None
    undone: tuple[int, ...] = ()
    seen_until: datetime | None = None
    """When the environment had last been seen before this look; None where it never was."""

    def __post_init__(self) -> None:
        self.services = dict(self.snapshot.state.services)
        self.deployment = self.snapshot.deployment
        self.release = self.snapshot.release
        self._state = self.snapshot.state
        self._also: dict[int, Deployment] = {}
        self._incidents = {incident.number: incident for incident in self.snapshot.incidents}
        if self.unseen is not None and self.deployment is not None and not self.deployment.ended:
            known = self.deployment.unseen
            self.deployment = replace(self.deployment, unseen=(*known, self.unseen))

    # -- what is there

    def service(self, name: str) -> ServiceState:
        """The service as the draft has it."""
        return self.services.get(name, ServiceState())

    def ready(self, instance: Instance) -> bool:
        """Whether *instance* may carry what its service carries."""
        version = self.service(instance.service).versions[instance.label]
        if version.run.kind is ServiceKind.WEB:
            return self.seen.healthy(instance.id)
        seen = self.seen.instances.get(instance.id)
        return (
            seen is not None
            and seen.phase is ProcessPhase.RUNNING
            and seen.running_seconds >= WORKER_SETTLED_SECONDS
        )

    def settled(self, instance: Instance) -> bool:
        """Whether *instance* has been ready, in one life, for as long as the pace asks of a new one.

        One probe more than that: the last one may be as old as its period. What is gone back to was
        there before, and is not asked.
        """
        least = self.policy.pace.min_ready_seconds
        if not self.ready(instance) or not least or self.current().kind is not Kind.DEPLOY:
            return self.ready(instance)
        run = self.service(instance.service).versions[instance.label].run
        least += run.readiness.period_seconds if run.readiness is not None else 1.0
        seen = self.seen.instances.get(instance.id)
        lived = seen.running_seconds if seen is not None else 0.0
        endpoint = (self.seen.endpoints or {}).get(instance.id)
        ready = lived if endpoint is None else min(lived, endpoint.healthy_seconds)
        return ready >= least

    def answer(self, rollout: Rollout) -> str | None:
        """What is wrong with what the present canary step asked; "" nothing, None not asked yet."""
        return self.seen.answers.get(rollout.check_id(self.current().id))

    def evidence(self, rollout: Rollout) -> Evidence | None:
        """How the canary of *rollout* does; None where nothing is judged, or nothing was looked at yet."""
        return self.seen.evidence.get((self.current().id, rollout.service))

    @property
    def unseen(self) -> Unseen | None:
        """The while before this look in which nothing was seen; None where there was none, or it goes on."""
        if self.seen_until is None or self.seen.endpoints is None:
            return None
        gap = Unseen(self.seen_until, self.now)
        return gap if gap.seconds_since(gap.since) > UNSEEN_SECONDS else None

    def seconds_since(self, moment: datetime) -> float:
        """How long ago *moment* was, without what went by unseen: what deadlines are reckoned by."""
        gaps = self.deployment.unseen if self.deployment is not None else ()
        unseen = sum(gap.seconds_since(moment) for gap in gaps)
        return (self.now - moment).total_seconds() - unseen

    def seconds_at_step(self, rollout: Rollout) -> float:
        """How long *rollout* has been at its present canary step."""
        return self.seconds_since(rollout.step_since or self.now)

    def in_force(self) -> bool:
        """Whether the proxies took the routing of what is recorded; what this draft changes is not yet."""
        generation = self.seen.routing.generation
        return generation is not None and generation >= self.snapshot.state.generation

    def routed(self) -> Routing:
        """The routing that the draft as it stands asks for."""
        return routing.routing(replace(self._state, services=self.services), self.seen)

    def reached(self, service: str) -> set[str]:
        """The labels of *service* that users get, as `routing.reached` has it."""
        route = self.routed().services.get(service)
        return routing.reached(self.service(service), route) if route is not None else set()

    def replicas(self, service: str) -> int:
        """How many instances of *service* the policy wants."""
        return self.policy.replicas_of(service)

    def promised(self, service: str) -> int:
        """How many instances of *service* are always to be ready, one at least."""
        replicas = self.replicas(service)
        unavailable, _ = self.policy.pace.resolved(replicas)
        return max(replicas - unavailable, 1)

    def wanted(self, rollout: Rollout) -> ServiceVersion:
        """The version that *rollout* goes to, as the release under way has it."""
        if self.release is None:
            raise InvariantError("a deployment under way has its release beside it")
        return self.release.versions[rollout.service]

    # -- what is to change

    def put_on_trial(self, rollout: Rollout, *, percent: int | None) -> None:
        """Give the service of *rollout* its version on trial, with *percent* of the traffic.

        None where traffic follows the instances that are ready.
        """
        version, state = self.wanted(rollout), self.service(rollout.service)
        self.put(
            rollout.service,
            replace(
                state,
                canary=version.label,
                canary_percent=percent,
                versions={**state.versions, version.label: version},
                withdrawn=tuple(label for label in state.withdrawn if label != version.label),
                leaves_for=(),
            ),
        )
        started = replace(rollout, started_at=self.now, progress_at=self.now, step_since=self.now)
        self.put_rollout(started, RolloutPhase.PROGRESSING)

    def put(self, name: str, service: ServiceState) -> None:
        """Replace a service's state."""
        self.services[name] = service

    def start(self, service: str, label: str, count: int) -> None:
        """Add *count* instances at *label*."""
        state = self.service(service)
        number = self._state.started_instances
        added = tuple(
            Instance(names.instance_name(service, number + k), service, label, Intent.SERVE, self.now, ends=0)
            for k in range(1, count + 1)
        )
        self._state = replace(self._state, started_instances=number + count)
        self.put(service, replace(state, instances=state.instances + added))

    def intend(self, chosen: list[Instance], intent: Intent) -> None:
        """Give the *chosen* instances another *intent*.

        A worker is never warm: it would work on beside what replaces it.
        """
        if intent is Intent.WARM:
            self.intend([i for i in chosen if self._is_worker(i)], Intent.STOP)
            chosen = [i for i in chosen if not self._is_worker(i)]
        wanted = {i.id for i in chosen if i.intent is not intent}
        for name in {i.service for i in chosen if i.id in wanted}:
            state = self.service(name)
            changed = (
                replace(i, intent=intent, since=self.now) if i.id in wanted else i for i in state.instances
            )
            self.put(name, replace(state, instances=tuple(changed)))

    def _is_worker(self, instance: Instance) -> bool:
        return self.service(instance.service).versions[instance.label].run.kind is ServiceKind.WORKER

    def forget(self, gone: list[Instance]) -> None:
        """Drop instances of which nothing is left."""
        ids = {i.id for i in gone}
        for name in {i.service for i in gone}:
            state = self.service(name)
            self.put(name, replace(state, instances=tuple(i for i in state.instances if i.id not in ids)))

    def rollout(self, service: str) -> Rollout:
        """The rollout of *service* in the deployment under way."""
        return self.current().rollouts[service]

    def put_rollout(self, rollout: Rollout, phase: RolloutPhase | None = None, reason: str = "") -> None:
        """Replace a rollout; into another *phase* only where the transition table allows it."""
        current = self.current()
        if phase is not None and phase is not rollout.phase:
            if phase not in ROLLOUT_TRANSITIONS[rollout.phase]:
                raise InvariantError(f"rollout of {rollout.service}: {rollout.phase} to {phase}")
            ended = phase in {RolloutPhase.HEALTHY, RolloutPhase.DEGRADED}
            rollout = replace(
                rollout,
                phase=phase,
                reason=reason or rollout.reason,
                finished_at=self.now if ended else None,
                alone_since=self.now if phase is RolloutPhase.PROMOTING else rollout.alone_since,
            )
            self.record(
                f"rollout.{phase.lower()}",
                f"{current.id}/{rollout.service}",
                reason,
                details={"service": rollout.service, "to": rollout.to_label, "from": rollout.from_label},
            )
        self.deployment = replace(current, rollouts={**current.rollouts, rollout.service: rollout})

    def current(self) -> Deployment:
        """The deployment under way; the rules that ask are only run while there is one."""
        if self.deployment is None:
            raise InvariantError("no deployment is under way")
        return self.deployment

    def to_phase(self, phase: Phase, message: str = "", actor: str = ENGINE) -> None:
        """Move the deployment to *phase*, and say so in the trail."""
        current = self.current()
        check_transition(current, phase)
        moved = replace(current, phase=phase, phase_since=self.now, message=message)
        if moved.ended:
            moved = replace(moved, finished_at=self.now)
        self.deployment = moved
        self.record(
            f"deployment.{phase.lower()}",
            str(current.id),
            message or current.reason,
            actor=actor,
            details={"release": current.release},
        )

    def also(self, deployment: Deployment) -> None:
        """Record another deployment beside the one under way."""
        self._also[deployment.id] = deployment

    def set_release(self, release: str, revision: int) -> None:
        """Say which release and revision the environment now has."""
        self._state = replace(self._state, release=release, revision=revision, shipped_by=self.current().id)

    @property
    def shipped(self) -> str | None:
        """The release that the environment has, as the draft has it."""
        return self._state.release

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Those that are open."""
        return tuple(i for i in self._incidents.values() if i.resolved_at is None)

    def incident_number(self) -> int:
        """The number of one that is to be opened."""
        self._state = replace(self._state, opened_incidents=self._state.opened_incidents + 1)
        return self._state.opened_incidents

    def put_incident(self, incident: Incident) -> None:
        """Open an incident, or replace it."""
        self._incidents[incident.number] = incident

    def record(
        self,
        act: str,
        subject: str,
        reason: str = "",
        *,
        actor: str = ENGINE,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Add an entry to the trail."""
        self.entries.append(
            Entry(self.wall, actor, act, subject, self._state.name, reason, dict(details or {}))
        )

    # -- what comes out

    def decision(self) -> Decision | None:
        """The decision, or None where nothing is to change."""
        active = self.deployment if self.deployment is not None and not self.deployment.ended else None
        state = replace(
            self._state,
            services=self.services,
            deployment=active.id if active else None,
        )
        deployments = dict(self._also)
        if self.deployment is not None and self.deployment != self.snapshot.deployment:
            deployments[self.deployment.id] = self.deployment
        if state == self.snapshot.state and not deployments and not self.entries:
            return None
        return Decision(
            replace(state, generation=self.snapshot.state.generation + 1),
            tuple(deployments.values()),
            tuple(self.entries),
            self.revision,
            self.undone,
            tuple(i for i in self._incidents.values() if i not in self.snapshot.incidents),
        )
