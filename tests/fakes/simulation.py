"""A whole environment in memory, with verbs that let a test read as what happened to it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

from carelane.audit.entries import Entry
from carelane.base.clock import ManualClock
from carelane.delivery.decisions.draft import Snapshot
from carelane.delivery.deployments import Deployment, Kind, Phase, Revision
from carelane.delivery.engine import Engine, Platform
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.incidents import Incident
from carelane.delivery.judging import Judging
from carelane.delivery.operations import Operations
from carelane.delivery.policies import Pace, Policy, RollbackPolicy
from carelane.delivery.ports import TrafficRouter, Workloads
from carelane.delivery.releases import Release, RunConfiguration, ServiceVersion, labelled
from carelane.delivery.replicas.controller import Replicas
from carelane.delivery.replicas.fleet import STAYING, Fleet, Instance, Intent
from carelane.delivery.requesting import Outcome, Wanted
from carelane.delivery.standings import EmergencyOutcome
from tests.fakes import releases
from tests.fakes.artifacts import FakeArtifacts
from tests.fakes.backing import FakeBacking
from tests.fakes.fleets import InMemoryFleets
from tests.fakes.instances import Behaviour, FakeInstances
from tests.fakes.metrics import FakeMetrics
from tests.fakes.proxies import FakeProxies
from tests.fakes.repository import InMemoryRepository
from tests.fakes.room import FakeRoom
from tests.fakes.suspecting import FakeSuspecting
from tests.fakes.trail import InMemoryTrail

PRODUCTION = "production"


def policy(
    replicas: int | Mapping[str, int] = 2,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    **rollback: float,
) -> Policy:
    """A policy for ``backend`` (or the services named), with *rollback* settings by name."""
    wanted = {"backend": replicas} if isinstance(replicas, int) else dict(replicas)
    return Policy(wanted, pace, replace(RollbackPolicy(), **rollback))  # type: ignore[arg-type]


class Simulation:
    """One environment: the real engine and rules over fakes and a clock turned by hand."""

    def __init__(
        self,
        policy: Policy | None = None,
        services: Mapping[str, RunConfiguration] | None = None,
    ) -> None:
        self.services = dict(services or {"backend": releases.WEB})
        self.clock = self.new_clock()
        self.trail = InMemoryTrail()
        self.repository = InMemoryRepository(self.trail)
        self.fleets = InMemoryFleets(self.trail)
        self.workloads = FakeInstances()
        self.router = FakeProxies(self.workloads.ready, tuple(self.services))
        self.router.healthy_seconds = self.workloads.ready_seconds
        self.backing = FakeBacking()
        self.room = FakeRoom()
        self.suspicions: dict[str, str] = {}
        self.metrics = FakeMetrics(self.clock, self)
        self.artifacts = FakeArtifacts()
        self.reported: list[BaseException] = []
        self._contents: dict[str, str] = {}
        self.use(policy or Policy({"backend": 2}))

    def new_clock(self) -> ManualClock:
        """What it goes by; where a real platform is beneath, the machine's."""
        return ManualClock()

    # -- given

    def use(self, policy: Policy) -> None:
        """From now on a server with this *policy* runs: what an earlier one remembered is lost."""
        self.replicas = Replicas(
            PRODUCTION,
            self.workloads,
            self.router,
            self.backing,
            self.fleets,
            self.clock,
            lambda _, error: self.reported.append(error),
        )
        self._begin(policy, self.replicas, self.replicas)

    def _begin(self, policy: Policy, workloads: Workloads, router: TrafficRouter) -> None:
        judging = Judging(self.metrics, self.repository)
        suspecting = FakeSuspecting(self.suspicions)
        platform = Platform(workloads, router, self.backing, judging, suspecting, self.room)
        self.engine = Engine(
            PRODUCTION,
            policy,
            platform,
            self.repository,
            self.clock,
            lambda _, error: self.reported.append(error),
            self.clock.now(),
        )
        self.operations = Operations({PRODUCTION: self.engine}, self.repository, self.artifacts, self.clock)

    def restart_server(self) -> None:
        """The server ends and another takes over."""
        self.use(self.engine.policy)

    def release(
        self,
        name: str,
        behaviour: Behaviour | None = None,
        *,
        changes: tuple[str, ...] | None = None,
        services: Mapping[str, RunConfiguration] | None = None,
        irreversible: bool = False,
    ) -> Release:
        """Make a release that changes all its services, or only those in *changes*."""
        runs = dict(services or self.services)
        for service in runs:
            if changes is None or service in changes or service not in self._contents:
                self._contents[service] = name
        made = {s: self.version(s, name, run) for s, run in runs.items()}
        known = self.repository.releases(200)[::-1]
        release = releases.release(name, labelled(made, known), irreversible=irreversible)
        release = replace(release, created_at=self.clock.wall())
        self.repository.add_release(release, Entry(self.clock.now(), "alice", "release.created", name))
        if behaviour is not None:
            self.workloads.behaviours[name] = behaviour
        return release

    def version(self, service: str, name: str, run: RunConfiguration) -> ServiceVersion:
        """A service as the release *name* has it."""
        return releases.version(service, name, run, self._contents[service])

    def shipped(self, *names: str) -> Self:
        """Releases of these *names* have been made and shipped, one after another."""
        for name in names:
            self.release(name)
            self.deploy(name)
            self.settle()
            assert self.phase is Phase.SUCCEEDED
        return self

    # -- when

    def deploy(self, name: str, reason: str = "", *, strategy: str | None = None) -> Outcome:
        """Ask for a deployment."""
        return self.operations.deploy(PRODUCTION, name, "alice", reason, Wanted(strategy))

    def rollback(
        self, to_revision: int | None = None, reason: str = "it is slow", *, past: tuple[str, ...] = ()
    ) -> Outcome:
        """Ask for a rollback."""
        return self.operations.rollback(PRODUCTION, to_revision, "alice", reason, past=past)

    def emergency(
        self, reason: str = "patients cannot sign in", *, past: tuple[str, ...] = ()
    ) -> EmergencyOutcome:
        """Break the glass."""
        return self.operations.emergency_rollback(PRODUCTION, "alice", reason, past=past)

    def pause(self, reason: str = "lunch") -> Deployment:
        """Hold it."""
        return self.operations.pause(PRODUCTION, "alice", reason)

    def resume(self, reason: str = "lunch is over") -> Deployment:
        """Let it go on."""
        return self.operations.resume(PRODUCTION, "alice", reason)

    def promote(self, reason: str = "looks good", *, full: bool = False) -> Deployment:
        """Go past the canary step that waits."""
        return self.operations.promote(PRODUCTION, "alice", reason, full=full)

    def abort(self, reason: str = "wrong release") -> Deployment:
        """End it."""
        return self.operations.abort(PRODUCTION, "alice", reason)

    def tick(self, times: int = 1, seconds: float = 1.0, *, unseen: bool = False) -> None:
        """Let the engine look *times* times, *seconds* apart.

        It is as if it had looked all the time and seen nothing new, unless nobody looked: *unseen*.
        """
        for _ in range(times):
            self.clock.advance(seconds)
            if not unseen:
                self.engine._seen_until = self.clock.now()  # instead of thousands of looks
            self.engine.tick()

    def until(self, condition: Callable[[], bool], within: int = 100) -> None:
        """Tick until *condition* holds, *within* so many ticks."""
        for _ in range(within):
            if condition():
                return
            self.tick()
        assert condition(), f"not within {within} ticks: {self.describe()}"

    def settle(self, within: int = 100) -> None:
        """Tick until nothing moves any more, what is no longer kept warm included."""
        self.until(self.settled, within)
        self.tick()
        self.until(self.settled, within)

    # -- then

    @property
    def snapshot(self) -> Snapshot:
        """What is recorded."""
        return self.repository.snapshot(PRODUCTION)

    @property
    def state(self) -> EnvironmentState:
        """The recorded state."""
        return self.snapshot.state

    @property
    def deployment(self) -> Deployment:
        """The latest deployment."""
        return self.repository.deployments(PRODUCTION, 1)[0]

    @property
    def phase(self) -> Phase:
        """The latest deployment's phase."""
        return self.deployment.phase

    @property
    def history(self) -> list[Revision]:
        """The revisions, newest first."""
        return self.repository.revisions(PRODUCTION, 100)

    @property
    def incidents(self) -> list[Incident]:
        """The incidents, newest first."""
        return self.repository.incidents(PRODUCTION, 100)

    def settled(self) -> bool:
        """Whether no deployment is under way and nothing is leaving."""
        if self.state.deployment is not None:
            return False
        return all(instance.intent in STAYING for instance in self.fleet.instances)

    def weights(self, service: str = "backend") -> dict[str, int]:
        """Who gets the traffic."""
        return self.router.weights(service)

    def instances(self, label: str, *intents: Intent, service: str = "backend") -> list[Instance]:
        """The instances of a label, as they are meant."""
        return self.fleet.crew(service).of(label, *intents)

    @property
    def fleet(self) -> Fleet:
        """What is meant of each instance."""
        return self.replicas.fleet

    def fit(self, service: str, *labels: str) -> bool:
        """Whether any instance that serves at one of *labels* is fit, as was seen last."""
        copies = [c for label in labels for c in self.engine.seen.of(service, label)]
        return any(copy.serves and copy.ready for copy in copies)

    def running(self, service: str = "backend") -> dict[str, int]:
        """How many processes of each label run."""
        return dict(Counter(self.workloads.running(service)))

    def acts(self) -> list[str]:
        """What the trail says was done, oldest first."""
        return [p.entry.act for p in self.trail.after(0, 10_000)]

    def entries(self, act: str) -> list[Entry]:
        """The entries of one *act*."""
        return [p.entry for p in self.trail.after(0, 10_000) if p.entry.act == act]

    def tasks(self) -> list[str]:
        """The migrations that were ever started."""
        return [name for name in self.workloads.started if ".migrate-" in name]

    def describe(self) -> str:
        """Where things stand, for a failing test."""
        moving = {n: r.phase.value for n, r in self.deployment.rollouts.items()}
        intents = {i.id: (i.label, i.intent.value) for i in self.fleet.instances}
        return f"{self.deployment.phase} ({self.deployment.message}), {moving}, {intents}"


__all__ = ["PRODUCTION", "Kind", "Simulation", "policy"]
