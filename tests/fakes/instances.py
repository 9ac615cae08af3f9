"""Instances that do what a test says: get ready late or never, crash, hang, end slowly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carelane.base.errors import PlatformError
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.releases import ServiceVersion
from carelane.delivery.replicas.ports import Placement
from carelane.delivery.replicas.seen import InstanceSeen

FIRST_PORT = 20_000


@dataclass(frozen=True)
class Behaviour:
    """How the instances of a version behave; time is counted in observations."""

    ready_after: int | None = 1
    """Observations until it is fit for traffic; None is never."""
    unstartable: str = ""
    """Why its instances cannot be started; empty where they can."""
    lives_for: int | None = None
    """Observations until it ends by itself, each time; it is started again at once."""
    crashes: bool = False
    """It ends and is started again between any two observations."""
    crashes_until: int = 0
    """The same, for its first observations."""
    hangs_after: int | None = None
    """From then on its liveness probe fails."""
    ends_after: int = 1
    """Observations from being told to stop until it is gone."""
    migrates_for: int = 1
    """Observations a migration takes; 0 and it never ends."""
    migration_exit_code: int = 0


WELL = Behaviour()
NEVER_READY = Behaviour(ready_after=None)
CRASH_LOOPING = Behaviour(ready_after=None, crashes=True)
HANGING = Behaviour(hangs_after=3)


@dataclass
class FakeProcess:
    """One instance or task."""

    placement: Placement
    version: ServiceVersion
    task: bool
    port: int
    age: int = 0
    restarts: int = 0
    ends: int = 0
    running_seconds: float = 0.0
    told_to_stop_at: int | None = None
    grace_seconds: float | None = None
    exit_code: int | None = None
    ended: bool = False
    supervised: bool = True


@dataclass
class FakeInstances:
    """The Instances port in memory; *behaviours* are by service and label, or by label alone."""

    behaviours: dict[tuple[str, str] | str, Behaviour] = field(default_factory=dict)
    processes: dict[str, FakeProcess] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    """Every instance and task that was ever started, in order; a restart counts again."""
    reused: list[str] = field(default_factory=list)
    """Names under which something was started that had been something else, or had been put aside."""
    forgotten: list[str] = field(default_factory=list)
    _named: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    failing_starts: int = 0
    """So many of the next starts fail."""
    failing_stops: int = 0

    # -- the port

    def start(
        self, placement: Placement, version: ServiceVersion, task: tuple[str, ...] | None = None
    ) -> None:
        """See to it that it runs."""
        if self.failing_starts:
            self.failing_starts -= 1
            raise PlatformError(f"cannot start {placement.instance}")
        if why := self.behaviours.get(version.label, Behaviour()).unstartable:
            raise PlatformError(why)
        known = self.processes.get(placement.instance)
        if known is not None and known.task is not (task is not None):
            raise PlatformError(f"{placement.instance} is something else here already")
        if known is not None and not known.ended:
            known.supervised = True
            return
        if known is not None and (known.told_to_stop_at is not None or known.task):
            return  # it ended because it was told to, or ran once
        if task is not None:
            self._refuse_a_second_task(placement.instance, version.service)
        port = known.port if known is not None else FIRST_PORT + len(self.started)
        process = FakeProcess(placement, version, task is not None, port)
        if known is not None:  # nobody saw how it ended
            process.restarts, process.ends = known.restarts + 1, known.ends + 1
        self.processes[placement.instance] = process
        is_now = (version.service, version.label, task is not None)
        was = self._named.setdefault(placement.instance, is_now)
        if was != is_now or placement.instance in self.forgotten:
            self.reused.append(placement.instance)
        self.started.append(placement.instance)

    def _refuse_a_second_task(self, name: str, service: str) -> None:
        """Two at once would change the same data: no simulation, whatever it is about, may get there."""
        there = [
            other
            for other, p in self.processes.items()
            if p.task and not p.ended and p.version.service == service
        ]
        assert not there, f"{name} is started while {', '.join(there)} runs"
        assert name not in self.started, f"{name} is started a second time"

    def stop(self, instance: str, grace_seconds: float) -> None:
        """Tell it to end."""
        if self.failing_stops:
            self.failing_stops -= 1
            raise PlatformError(f"cannot stop {instance}")
        process = self.processes.get(instance)
        if process is not None and process.told_to_stop_at is None:
            process.told_to_stop_at = process.age
            process.grace_seconds = grace_seconds

    def observe(self) -> Mapping[str, InstanceSeen]:
        """What there is; looking is what lets time go by here."""
        for process in self.processes.values():
            self._grow_older(process)
        return {name: self._seen(process) for name, process in self.processes.items()}

    def forget(self, instance: str) -> None:
        """Put it aside, once it has ended."""
        process = self.processes.get(instance)
        if process is not None and not process.ended:
            self.stop(instance, 10.0)
        elif self.processes.pop(instance, None) is not None:
            self.forgotten.append(instance)

    # -- for the router and for tests

    def ready(self, instance: str) -> bool:
        """Whether it would answer its readiness probe now."""
        process = self.processes.get(instance)
        if process is None or process.ended or process.task:
            return False
        after = self.behaviour(process).ready_after
        return after is not None and process.age >= after

    def ready_seconds(self, instance: str) -> float:
        """For how long it has been ready, at an observation a second."""
        process = self.processes[instance]
        return float(process.age - (self.behaviour(process).ready_after or 0))

    def behaviour(self, process: FakeProcess) -> Behaviour:
        """How *process* behaves."""
        version = process.version
        return self.behaviours.get((version.service, version.label)) or self.behaviours.get(
            version.label, WELL
        )

    def running(self, service: str) -> list[str]:
        """The labels of the processes of *service* that run now, tasks left out."""
        return [
            p.version.label
            for p in self.processes.values()
            if p.version.service == service and not p.ended and not p.task
        ]

    def crash(self, instance: str, exit_code: int = 3, *, settled: bool = False) -> None:
        """Let it end by itself once, and be started again by what keeps it; alone if it had *settled*."""
        process = self.processes[instance]
        process.restarts = 1 if settled else process.restarts + 1
        process.ends, process.exit_code, process.running_seconds = process.ends + 1, exit_code, 0.0

    def kill(self, instance: str) -> None:
        """Let it end by itself, and its keeper with it."""
        process = self.processes[instance]
        process.ended, process.supervised, process.exit_code = True, False, -9

    def _grow_older(self, process: FakeProcess) -> None:
        if process.ended:
            return
        behaviour = self.behaviour(process)
        process.age += 1
        process.running_seconds += 1.0
        if process.told_to_stop_at is not None:
            if process.age - process.told_to_stop_at >= behaviour.ends_after:
                process.ended, process.exit_code = True, -15
        elif process.task:
            if behaviour.migrates_for and process.age >= behaviour.migrates_for:
                process.ended, process.exit_code = True, behaviour.migration_exit_code
        elif behaviour.lives_for is not None and process.running_seconds >= behaviour.lives_for:
            process.restarts, process.running_seconds, process.exit_code = process.restarts + 1, 0.0, 1
            process.ends += 1
        elif self._crashes(process):
            process.restarts, process.running_seconds, process.exit_code = process.age, 0.0, 1
            process.ends += 1

    def _seen(self, process: FakeProcess) -> InstanceSeen:
        behaviour = self.behaviour(process)
        hangs = behaviour.hangs_after is not None and process.age >= behaviour.hangs_after
        probed = process.version.run.liveness is not None
        return InstanceSeen(
            phase=self._phase(process),
            task_of=process.version.service if process.task else None,
            supervised=process.supervised,
            restarts=process.restarts,
            ends=process.ends,
            exit_code=process.exit_code,
            running_seconds=0.0 if process.ended else process.running_seconds,
            port=process.port,
            place="" if process.ended else f"pid {process.port}",
            live=not hangs if probed and not process.ended else None,
        )

    def _phase(self, process: FakeProcess) -> ProcessPhase:
        if process.ended:
            return ProcessPhase.EXITED
        if process.told_to_stop_at is not None:
            return ProcessPhase.STOPPING
        return ProcessPhase.BACKOFF if self._crashes(process) else ProcessPhase.RUNNING

    def _crashes(self, process: FakeProcess) -> bool:
        behaviour = self.behaviour(process)
        return behaviour.crashes or process.age < behaviour.crashes_until
