"""Random schedules of what people ask and what fails, from a seed; and what must hold at every step."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from carelane.base.errors import CarelaneError
from carelane.delivery.decisions import superseding
from carelane.delivery.deployments import Deployment, Kind, Phase
from carelane.delivery.policies import Pace
from carelane.delivery.releases import RunConfiguration, ServiceKind
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.requesting import Wanted
from carelane.delivery.strategies import DEFAULTS, ROLLING, StrategyKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.releases import MIGRATING, WEB, WORKER
from tests.fakes.simulation import PRODUCTION, Simulation, policy
from tests.simulation.answering import Answering
from tests.simulation.asking import Asking

APP = replace(WEB, routes=("/app",))
Shape = Mapping[str, RunConfiguration]
SYSTEMS: tuple[tuple[Shape, ...], ...] = (
    ({"backend": WEB},),
    ({"backend": MIGRATING, "frontend": APP},),
    ({"backend": WEB, "reminders": WORKER},),
    ({"backend": WEB}, {"site": WEB}),
    ({"backend": WEB}, {"backend": WEB, "site": APP}),
    ({"backend": WEB, "site": APP}, {"backend": APP, "site": WEB}, {"site": WEB, "reminders": WORKER}),
    ({"backend": WEB, "jobs": WORKER}, {"backend": WEB, "jobs": APP}),
)
"""Systems, each with the shapes that its releases may have."""
BEHAVIOURS = (
    Behaviour(),
    Behaviour(ready_after=4),
    Behaviour(ends_after=3),
    Behaviour(hangs_after=20),
    Behaviour(lives_for=3),
    Behaviour(migration_exit_code=1),
    CRASH_LOOPING,
    NEVER_READY,
)
STRATEGIES = (ROLLING, DEFAULTS[StrategyKind.BLUE_GREEN], DEFAULTS[StrategyKind.CANARY])


STEPS = {
    "tick": 30,
    "deploy": 10,
    "pipeline": 3,
    "emergency": 4,
    "rollback": 4,
    "abort": 3,
    "pause": 3,
    "resume": 4,
    "promote": 2,
    "kill": 5,
    "hang": 5,
    "heal": 4,
    "wait": 2,
    "fall_silent": 2,
    "lag": 2,
    "crash": 2,
    "suspect": 2,
    "restart": 1,
    "scale": 1,
}
"""What may happen, and how often."""


@dataclass
class Schedule(Asking):
    """One environment under one seed."""

    seed: int
    chance: random.Random = field(init=False)
    shapes: tuple[Shape, ...] = field(init=False)
    answering: Answering = field(init=False)
    simulation: Simulation = field(init=False)
    releases: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    _emergencies: dict[int, dict[str, set[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a schedule, not cryptography
        self.shapes = self.chance.choice(SYSTEMS)
        services = {name: run for shape in self.shapes[::-1] for name, run in shape.items()}
        settings = policy(
            {name: self.chance.choice((1, 2, 4)) for name in services},
            Pace(self.chance.choice((0, 1)), 1, self.chance.choice((0.0, 5.0))),
            keep_warm=self.chance.choice((0, 1, 2)),
            automatic=self.chance.random() < 0.8,
            progress_deadline_seconds=30.0,
        )
        strategy = self.chance.choice(STRATEGIES)
        self.simulation = Simulation(
            replace(settings, strategy=strategy, pause_expires_seconds=200.0), services
        )
        self.answering = Answering(self.simulation)
        self.simulation.metrics.requests_per_second = self.chance.choice((0.0, 50.0, 200.0))

    def run(self, steps: int = 40) -> None:
        """Do *steps* things, and look after each whether all holds."""
        for _ in range(2):
            self._release(well=True)
            self.simulation.deploy(self.releases[-1])
            self._arrive()
        for _ in range(steps):
            step = self.chance.choices(list(STEPS), list(STEPS.values()))[0]
            self.done.append(step)
            try:
                getattr(self, f"_{step}")()
            except CarelaneError as error:
                self.done[-1] += f" ({error.message})"
            self.check()

    def _arrive(self) -> None:
        """Let what was asked for arrive, past all canary steps, which nobody wants to wait for here."""
        for _ in range(200):
            self.simulation.tick()
            rollouts = self.simulation.deployment.rollouts.values()
            if any(r.current_step is not None for r in rollouts):
                self.simulation.promote(full=True)
            if self.simulation.settled():
                break
        self.simulation.settle()

    # -- what happens

    def _release(self, *, well: bool = False) -> None:
        name = f"v{len(self.releases) + 1}"
        changes = None if well or self.chance.random() < 0.7 else ()
        behaviour = Behaviour() if well or self.chance.random() < 0.4 else self.chance.choice(BEHAVIOURS)
        shape = self.chance.choice(self.shapes)
        self.simulation.release(name, behaviour, changes=changes, services=shape)
        self.simulation.metrics.error_ratios[name] = (
            0.0 if well else self.chance.choice((0.0, 0.0, 0.002, 0.3))
        )
        self.releases.append(name)

    def _deploy(self) -> None:
        if self.chance.random() < 0.6:
            self._release()
        self.simulation.deploy(self.chance.choice(self.releases[-3:]))

    def _pipeline(self) -> None:
        """A token asks for one of the last releases: whoever an undo has moved stays moved."""
        active = self.simulation.snapshot.deployment
        moved = active is not None and not active.ended and superseding.has_moved_users(active)
        left = {n: r.from_label for n, r in active.rollouts.items()} if active is not None else {}
        before = {name: set(self.simulation.weights(name)) for name in left}
        self.simulation.operations.deploy(
            PRODUCTION, self.chance.choice(self.releases[-3:]), "token ci", "", Wanted(by_token=True)
        )
        for name, label in left.items() if moved else ():
            if label in set(self.simulation.weights(name)) - before[name]:
                self.answering.found.append(f"{name}: users are back at {label} by a token")

    def _emergency(self) -> None:
        before = self._served()
        past = self.chance.choice((None, self.simulation.state.release))
        outcome = self.simulation.emergency(past=() if past is None else (past,))
        if outcome.deployment is not None:
            self._emergencies.setdefault(outcome.deployment.id, before)

    def _served(self) -> dict[str, set[str]]:
        """Which versions each service is to serve or work with."""
        crews = self.simulation.fleet.crews.items()
        return {name: {i.label for i in crew.of_intent(Intent.SERVE)} for name, crew in crews}

    def _rollback(self) -> None:
        self.simulation.rollback(self.chance.choice((None, None, 1)))

    def _restart(self) -> None:
        service = self.chance.choice(list(self.simulation.services))
        self.simulation.operations.restart(PRODUCTION, service, "alice", "")

    def _scale(self) -> None:
        service = self.chance.choice(list(self.simulation.services))
        size = self.chance.choice((None, 1, 2, 3, 5))
        self.simulation.operations.scale(PRODUCTION, service, size, "alice", "")

    def _tick(self) -> None:
        for _ in range(self.chance.choice((1, 3, 10))):
            self.simulation.tick()
            self.check()

    def _suspect(self) -> None:
        """Users of the first service get worse than before, and some time later no more."""
        self.simulation.suspicions[next(iter(self.simulation.services))] = "worse than before"
        self._tick()
        self.simulation.suspicions.clear()

    def _wait(self) -> None:
        self.simulation.tick(1, seconds=250.0, unseen=self.chance.random() < 0.5)

    def _kill(self) -> None:
        running = [name for name, p in self.simulation.workloads.processes.items() if not p.ended]
        if running:
            self.simulation.workloads.kill(self.chance.choice(running))

    def _hang(self) -> None:
        """What runs of one version stops answering its liveness probe for a while."""
        stable = [s.stable for s in self.simulation.state.services.values() if s.stable is not None]
        label = self.chance.choice([*stable, self.releases[-1]])
        before = self.simulation.workloads.behaviours.get(label, Behaviour())
        self.simulation.workloads.behaviours[label] = replace(before, hangs_after=1)
        self.simulation.tick()
        self.check()
        self.simulation.workloads.behaviours[label] = before

    def _heal(self) -> None:
        for label in self.releases:
            if self.chance.random() < 0.5:
                self.simulation.workloads.behaviours[label] = Behaviour()

    def _fall_silent(self) -> None:
        """The proxies answer nobody for a while; half of the time something is asked meanwhile."""
        self.simulation.router.silent = True
        self._meanwhile()
        self.simulation.router.silent = False

    def _lag(self) -> None:
        """The proxies take no routing for a while."""
        self.simulation.router.late = True
        self._meanwhile()
        self.simulation.router.late = False

    def _meanwhile(self) -> None:
        try:
            self.simulation.tick(self.chance.choice((0, 1, 5)))
            self.check()
            getattr(self, f"_{self.chance.choice(('emergency', 'abort', 'deploy', 'kill', 'tick'))}")()
        except CarelaneError as error:
            self.done[-1] += f" ({error.message})"

    def _crash(self) -> None:
        self.simulation.workloads.failing_starts = self.chance.choice((0, 1, 2))
        self.simulation.repository.conflicts = self.chance.choice((0, 1))
        self.simulation.restart_server()

    # -- what must hold

    def check(self) -> None:
        """Raises AssertionError where an invariant does not hold, with the schedule that led there."""
        said = [*self._false_emergencies(), *self._less_than_whole(), *self._used_names()]
        said += self.answering.found
        assert not said, f"seed {self.seed}: {said} after {self.done}; {self.simulation.describe()}"

    def _false_emergencies(self) -> list[str]:
        """An emergency that is recorded as done has moved every service that differed."""
        found = []
        deployment = self.simulation.deployment if self._emergencies else None
        if (
            deployment is None
            or deployment.kind is not Kind.EMERGENCY
            or deployment.phase is not Phase.SUCCEEDED
        ):
            return []
        if self.simulation.state.deployment is not None or deployment.id not in self._emergencies:
            return []
        before = self._emergencies.pop(deployment.id)
        release = self.simulation.repository.release_named(deployment.release)
        for name, version in release.versions.items():
            state = self.simulation.state.service(name)
            if state.stable != version.label:
                found.append(f"{name} is at {state.stable}, not {version.label}")
            serving = self.simulation.fleet.crew(name).of_intent(Intent.SERVE)
            others = [i for i in serving if i.label != version.label]
            if others:
                found.append(f"{name} is served by {others}")
            works = set(self.simulation.running(name)) - {version.label}
            if version.run.kind is ServiceKind.WORKER and works:
                found.append(f"{name} works at {works} still")
        if self._served() == before and not deployment.rollouts:
            found.append("no service was moved")
        return found

    def _less_than_whole(self) -> list[str]:
        """Stable is never less than whole while a person holds: by version and count."""
        deployment = self.simulation.snapshot.deployment
        if deployment is None or deployment.phase is not Phase.PAUSED or deployment.kind is not Kind.DEPLOY:
            return []
        return [said for name in deployment.rollouts for said in self._missing(deployment, name)]

    def _missing(self, deployment: Deployment, name: str) -> list[str]:
        rollout = deployment.rollouts[name]
        state = self.simulation.state.service(name)
        if not rollout.strategy.stepped or state.stable is None or state.stable == rollout.to_label:
            return []
        if rollout.phase.value not in {"Progressing", "Paused"} or self.simulation.router.silent:
            return []
        wanted = state.scaled or self.simulation.engine.policy.replicas_of(name)
        there = len(self.simulation.instances(state.stable, Intent.SERVE, service=name))
        done = rollout.step >= len(rollout.strategy.steps)
        return (
            [] if there >= wanted or done else [f"{name}: {there} of {wanted} of {state.stable} while held"]
        )

    def _used_names(self) -> list[str]:
        """Nothing is started under a name that was used: by another version, or after it was put aside."""
        return [f"{name} was started anew" for name in self.simulation.workloads.reused]
