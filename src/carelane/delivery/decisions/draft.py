"""The decision being made: a copy of the recorded state that the rules below may change.

Rules read and write a Draft; what comes out is one Decision, recorded as a whole or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from carelane.analysis.verdicts import Evidence
from carelane.audit.entries import Detail, Entry
from carelane.base.errors import InvariantError
from carelane.delivery import targets, users
from carelane.delivery.copies import Copies, Purpose
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
from carelane.delivery.environments import WHOLE, EnvironmentState, ServiceState
from carelane.delivery.incidents import Incident
from carelane.delivery.observations import CopySeen, Observation
from carelane.delivery.policies import Policy
from carelane.delivery.releases import Release, ServiceVersion
from carelane.delivery.users import Users

ENGINE = "carelane"
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

    @property
    def changed_for_good(self) -> tuple[str, ...]:
        """The irreversible releases that have changed the data: what is under way, and what that fixes."""
        if self.deployment is None or self.deployment.ended or self.release is None:
            return ()
        rollouts = self.deployment.rollouts.values()
        before = any(r.to_label in self.state.service(r.service).migrated for r in rollouts)
        own = self.release.irreversible and (self.deployment.migrating or before)
        return tuple(dict.fromkeys((*self.deployment.fixes, *((self.release.name,) if own else ()))))


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
    anew: bool = False
    """Whether this is the first look of a server, or the first since nobody could say who is fit."""

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

    def serving(self, service: str, label: str | None) -> list[CopySeen]:
        """The copies at *label* that serve, or are to be recalled for that."""
        if label is None:
            return []
        wanted = label in self.service(service).filled
        return [c for c in self.seen.of(service, label) if c.serves or (wanted and not c.leaving)]

    def others(self, service: str, label: str | None) -> list[CopySeen]:
        """The copies at other labels than *label* that serve."""
        return [c for c in self.seen.of(service) if c.label != label and c.serves]

    def staying(self, service: str, label: str | None) -> list[CopySeen]:
        """The copies at *label* that are to go on, warm ones too."""
        return [c for c in self.seen.of(service, label) if c.stays] if label is not None else []

    def ready(self, service: str, label: str | None) -> int:
        """How many at *label* serve, or are to, and are fit for it."""
        return sum(self._is_fit(copy) for copy in self.serving(service, label))

    def _is_fit(self, copy: CopySeen) -> bool:
        return copy.fit_beside(self.service(copy.service).stable)

    def whole(self, service: str, label: str) -> bool:
        """Whether as many as promised are ready at *label*."""
        return self.ready(service, label) >= self.promised(service)

    def ready_warm(self, service: str) -> set[str]:
        """The labels of the earlier versions that are kept warm and have somebody ready."""
        warm = self.service(service).kept_warm
        return {label for label in warm if any(copy.ready for copy in self.staying(service, label))}

    def settled(self, service: str, label: str) -> int:
        """How many at *label* have been ready, in one life, for as long as the pace asks of new ones.

        What is gone back to was there before, and is not asked.
        """
        ready = [copy for copy in self.serving(service, label) if self._is_fit(copy)]
        least = self.policy.pace.min_ready_seconds
        if not least or self.current().kind is not Kind.DEPLOY:
            return len(ready)
        least = self.service(service).versions[label].run.settled_seconds(least)
        return sum(copy.ready_seconds >= least for copy in ready)

    def answer(self, rollout: Rollout) -> str | None:
        """What is wrong with what the present canary step asked; "" nothing, None not asked yet."""
        return self.seen.answers.get(rollout.check_id(self.current().id))

    def evidence(self, rollout: Rollout) -> Evidence | None:
        """How the canary of *rollout* does; None where nothing is judged, or nothing was looked at yet."""
        return self.seen.evidence.get((self.current().id, rollout.service))

    @property
    def unseen(self) -> Unseen | None:
        """The while before this look in which nothing was seen; None where there was none, or it goes on."""
        if self.seen_until is None or not self.seen.visible:
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
        return self.seen.routing.in_force(self.snapshot.state.generation)

    def users(self) -> dict[str, Users]:
        """Who gets users by the draft as it stands."""
        return users.users(self.services, self.seen)

    def reached(self, service: str) -> set[str]:
        """The labels of *service* that users get, as `users.reached` has it."""
        return users.reached(self.service(service), self.users().get(service))

    def size(self, service: str) -> int:
        """How many copies of *service* there are to be."""
        return targets.size_of(service, self.service(service), self.policy, self.seen)

    def promised(self, service: str) -> int:
        """How many copies of *service* are always to be ready, one at least."""
        return self.policy.pace.promised(self.size(service))

    def carries(self, service: str) -> int:
        """How many ready copies of *service* are promised to carry all its users, whatever a person gave it.

        That was of the version that is there: what is gone back to has no more copies than it had.
        """
        usual = targets.usual_size(service, self.policy, self.seen)
        return self.policy.pace.promised(min(self.size(service), usual))

    def wanted(self, rollout: Rollout) -> ServiceVersion:
        """The version that *rollout* goes to, as the release under way has it."""
        if self.release is None:
            raise InvariantError("a deployment under way has its release beside it")
        return self.release.versions[rollout.service]

    # -- what is to change

    def put_on_trial(self, rollout: Rollout) -> None:
        """Give the service of *rollout* its version on trial; how it comes to users is its strategy's."""
        version, state = self.wanted(rollout), self.service(rollout.service)
        versions = {**state.versions, version.label: version}
        self.put(rollout.service, replace(state, canary=version.label, versions=versions, leaves_for=()))
        started = replace(rollout, started_at=self.now, progress_at=self.now, step_since=self.now)
        self.put_rollout(started, RolloutPhase.PROGRESSING)

    def want(self, service: str, label: str, copies: Copies) -> None:
        """Say what is to run at *label* of *service*."""
        state = self.service(service)
        self.put(service, replace(state, copies={**state.copies, label: copies}))

    def share(self, service: str, shares: Mapping[str, int] | None) -> None:
        """Say which part of the traffic each label of *service* gets; None where it follows readiness."""
        self.put(service, replace(self.service(service), shares=shares))

    def rest(self, service: str) -> None:
        """Only the stable version is to serve *service*.

        Where versions stand side by side all users go to it now; else once as many as promised are ready.
        """
        state = self.service(service)
        if state.stable is None:
            return
        following = self.following(service)
        shares = None if state.shares is None else {state.stable: WHOLE}
        rests = replace(state, home=state.stable, copies=state.at_rest, shares=shares)
        self.put(service, rests)
        if following and not self.whole(service, state.stable):
            self.put(service, replace(rests, copies={**following, **rests.copies}))

    def following(self, service: str) -> dict[str, Copies]:
        """What serves at other labels than the stable one, and was not given up: users may need it still.

        Where versions stood side by side nothing follows: without its share it could gain users.
        """
        state = self.service(service)
        if state.shares is not None:
            return {}
        there = {copy.label for copy in self.others(service, state.stable)}
        return {label: Copies(Purpose.SERVE, 0) for label in state.copies if label in there}

    def leave(self, service: str) -> None:
        """Nothing of *service* is to run any more."""
        state = self.service(service)
        gone = replace(state, stable=None, canary=None, home=None, copies={}, shares=None)
        self.put(service, replace(gone, previous=(), watch=None, leaves_for=()))

    def put(self, name: str, service: ServiceState) -> None:
        """Replace a service's state."""
        self.services[name] = service

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
