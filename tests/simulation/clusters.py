"""Random schedules of one environment on a cluster in memory: the engine, the planner and its controllers.

Whatever is asked, and whatever fails or is done by half, in any order: users are with who is ready, and
what has them is not taken from them.
"""

import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from carelane.base.errors import CarelaneError, ConflictError, PlatformError, Unavailable
from carelane.delivery.copies import Purpose
from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Pace
from carelane.platforms.kubernetes.ports import Kind
from carelane.platforms.kubernetes.slots import Slot, SlotSeen
from tests.fakes.clusters import BACKEND, OnCluster
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import PRODUCTION, policy
from tests.simulation.asking import Asking
from tests.simulation.schedules import STRATEGIES

STEPS = {
    "tick": 30,
    "deploy": 8,
    "emergency": 3,
    "rollback": 3,
    "abort": 3,
    "pause": 2,
    "resume": 3,
    "promote": 6,
    "wait": 3,
    "spoil": 3,
    "heal": 4,
    "kill": 3,
    "refuse": 3,
    "silent": 2,
    "crash": 3,
    "scale": 1,
    "renew": 1,
    "fill": 1,
    "stall": 3,
}


@dataclass
class ClusterSchedule(Asking):
    """One environment under one seed."""

    seed: int
    chance: random.Random = field(init=False)
    simulation: OnCluster = field(init=False)
    releases: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    spoiled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a schedule, not cryptography
        services = self.chance.choice(({BACKEND: WEB}, {BACKEND: WEB, "jobs": WORKER}))
        settings = policy(
            {name: self.chance.choice((1, 2, 4)) for name in services},
            Pace(self.chance.choice((0, 1)), 1, self.chance.choice((0.0, 5.0))),
            keep_warm=self.chance.choice((0, 1)),
            automatic=self.chance.random() < 0.8,
            progress_deadline_seconds=60.0,
        )
        strategy = self.chance.choice(STRATEGIES)
        wanted = replace(settings, strategy=strategy, pause_expires_seconds=200.0)
        self.simulation = OnCluster(wanted, services)
        self.simulation.metrics.requests_per_second = self.chance.choice((0.0, 50.0, 200.0))

    def run(self, steps: int = 40) -> None:
        """Do *steps* things, and look after each whether all holds; then let it come to rest."""
        self._deploy(well=True)
        self._arrive()
        for _ in range(steps):
            step = self.chance.choices(list(STEPS), list(STEPS.values()))[0]
            self.done.append(step)
            try:
                getattr(self, f"_{step}")()
            except CarelaneError as error:
                self.done[-1] += f" ({error.message})"
        self._heal_all()
        self._arrive()

    def _arrive(self) -> None:
        """Let what is under way arrive, past what waits for a person."""
        for _ in range(600):
            self._look()
            if self.simulation.settled():
                return
            waits = any(r.current_step is not None for r in self.simulation.deployment.rollouts.values())
            if waits and not self.simulation.deployment.ended:
                with contextlib.suppress(CarelaneError):
                    self.simulation.promote(full=True)
            if self.simulation.deployment.phase is Phase.PAUSED:
                with contextlib.suppress(CarelaneError):
                    self.simulation.resume()
        raise AssertionError(f"seed {self.seed}: not at rest after {self.done}: {self.simulation.describe()}")

    # -- what happens

    def _look(self) -> None:
        """One look of the engine, and whether what it did is right."""
        before = {slot: (seen, self.simulation.ready(slot)) for slot, seen in self.simulation.slots().items()}
        written = len(self.simulation.cluster.written)
        try:
            self.simulation.tick()
        except CarelaneError as error:
            self.simulation.reported.append(error)
        self._check(before, self.simulation.cluster.written[written:])

    def _tick(self) -> None:
        for _ in range(self.chance.choice((1, 3, 10, 30))):
            self._look()

    def _deploy(self, *, well: bool = False) -> None:
        if well or self.chance.random() < 0.6:
            name = f"v{len(self.releases) + 1}"
            self.simulation.release(name)
            self.releases.append(name)
            if not well and self.chance.random() < 0.4:
                self._spoil()
        self.simulation.deploy(self.chance.choice(self.releases[-3:]))

    def _emergency(self) -> None:
        self.simulation.emergency()

    def _rollback(self) -> None:
        self.simulation.rollback()

    def _wait(self) -> None:
        self.simulation.clock.advance(self.chance.choice((5.0, 20.0, 250.0)))
        self._look()

    def _spoil(self) -> None:
        """The newest version is never ready again."""
        self.simulation.cluster.ready_after[self.releases[-1]] = None

    def _heal(self) -> None:
        if self.simulation.cluster.ready_after:
            self.simulation.cluster.ready_after.popitem()

    def _heal_all(self) -> None:
        self.simulation.cluster.ready_after.clear()
        self.simulation.cluster.room = None
        self.simulation.cluster.refuses = None

    def _kill(self) -> None:
        """A Pod is evicted."""
        pods = [p for p in self.simulation.cluster.all(Kind.POD).values() if p.get("_of")]
        if pods:
            self.simulation.cluster.end_pod(self.chance.choice(pods))  # type: ignore[arg-type]

    def _refuse(self) -> None:
        """The next change is not made: the cluster does not answer, or somebody was there before."""
        self.simulation.cluster.refuses = self.chance.choice(
            (PlatformError("429"), Unavailable("timeout"), ConflictError("409"))
        )
        self._look()

    def _silent(self) -> None:
        self.simulation.cluster.silent = True
        for _ in range(self.chance.choice((1, 5))):
            self._look()
        self.simulation.cluster.silent = False

    def _crash(self) -> None:
        self.simulation.restart_server()

    def _scale(self) -> None:
        size = self.chance.choice((None, 1, 3, 5))
        self.simulation.operations.scale(PRODUCTION, BACKEND, size, "alice", "")

    def _renew(self) -> None:
        self.simulation.operations.restart(PRODUCTION, BACKEND, "alice", "")

    def _fill(self) -> None:
        """There is no room for more Pods for a while."""
        self.simulation.cluster.room = len(self.simulation.cluster.all(Kind.POD))
        self._tick()
        self.simulation.cluster.room = None

    def _stall(self) -> None:
        """The cluster's controllers are late."""
        self.simulation.cluster.stalled = True
        self._tick()
        self.simulation.cluster.stalled = False

    # -- what must hold

    def _check(self, before: Mapping[Slot, tuple[SlotSeen, list[str]]], written: list[str]) -> None:
        said = [
            *self._taken_from_users(before, written),
            *self._given_to_nobody(before),
            *self._not_kept_warm(before),
        ]
        assert not said, f"seed {self.seed}: {said} after {self.done}; {self.simulation.describe()}"

    def _taken_from_users(
        self, before: Mapping[Slot, tuple[SlotSeen, list[str]]], written: list[str]
    ) -> list[str]:
        """What has users is not made smaller, nor is another version put into one of the two side slots."""
        found = []
        if self.simulation.state.service(BACKEND).home is None:
            return []
        for slot, (seen, _) in before.items():
            name = self.simulation.place.name(BACKEND, slot)
            now = self.simulation.slots()[slot]
            if not (seen.weight and now.weight):
                continue
            scaled = [int(w.split()[-1]) for w in written if w.startswith(f"scale {name} ")]
            if any(size < min(seen.size, self._least(seen)) for size in scaled):
                found.append(f"{name} has users and was made smaller: {scaled}")
            if slot is not Slot.STABLE and now.label != seen.label:
                found.append(f"{name} has users and was given {now.label} instead of {seen.label}")
        return found

    def _least(self, seen: SlotSeen) -> int:
        """How many Pods what has users is to have at least, by what is wanted of its version."""
        state = self.simulation.state.service(BACKEND)
        copies = state.copies.get(seen.label or "")
        size = state.scaled or self.simulation.engine.policy.replicas_of(BACKEND)
        return copies.of(size) if copies is not None and copies.serves and copies.percent else seen.size

    def _given_to_nobody(self, before: Mapping[Slot, tuple[SlotSeen, list[str]]]) -> list[str]:
        """Where users had somebody ready and those are ready still, they have somebody after the look."""
        had = any(seen.weight and ready for seen, ready in before.values())
        ready = {slot: self.simulation.ready(slot) for slot in Slot}
        stayed = any(seen.weight and ready[slot] for slot, (seen, _) in before.items())
        has = any(seen.weight and ready[slot] for slot, seen in self.simulation.slots().items())
        home = self.simulation.state.service(BACKEND).home
        return ["users were given to nobody who is ready"] if had and stayed and not has and home else []

    def _not_kept_warm(self, before: Mapping[Slot, tuple[SlotSeen, list[str]]]) -> list[str]:
        """What is kept warm makes room in the stable slot only once as much of it is ready elsewhere."""
        seen, ready = before[Slot.STABLE]
        state = self.simulation.state.service(BACKEND)
        copies = state.copies.get(seen.label or "")
        left = self.simulation.slots()[Slot.STABLE].label != seen.label
        if not left or copies is None or copies.purpose is not Purpose.WARM or state.stable != seen.label:
            return []
        elsewhere = [self.simulation.ready(slot).count(seen.label or "") for slot in Slot if slot != "stable"]
        size = state.scaled or self.simulation.engine.policy.replicas_of(BACKEND)
        missing = min(ready.count(seen.label or ""), size) > max(elsewhere)
        return [f"{seen.label} was to be kept warm, and made room before it was"] if missing else []
