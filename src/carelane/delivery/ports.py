"""What delivery needs of the world."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carelane.analysis.measurements import Readings, Window
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.verdicts import Evidence
from carelane.audit.entries import Entry
from carelane.base.loops import Failing
from carelane.delivery.analyses import AnalysisRun, Key
from carelane.delivery.decisions.draft import Decision, Snapshot
from carelane.delivery.deployments import Deployment, Revision
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.incidents import Incident
from carelane.delivery.observations import RoutingSeen, WorkloadsSeen
from carelane.delivery.packing import Packing, ServiceSource, SourceTree
from carelane.delivery.releases import Artifact, Release, SecretReference, ServiceVersion
from carelane.delivery.targets import Target


@dataclass(frozen=True)
class Task:
    """A migration or a check: *command* of *version*, to be run once under its name, ever.

    *generation* is that of what was recorded when it was asked for.
    """

    name: str
    version: ServiceVersion
    command: tuple[str, ...]
    generation: int = 0


class Workloads(Protocol):
    """What runs in one environment; it keeps its own copies."""

    def converge(self, target: Target) -> bool:
        """One step towards *target*; never waits, may be repeated. An older one than the last is ignored.

        Returns:
            Whether anything was changed, so that it is worth looking again soon.

        Raises:
            PlatformError: If a part of it cannot be done: the rest is.
        """
        ...

    def observe(self) -> WorkloadsSeen:
        """What is there, and who of it is fit; not visible where nobody can say the latter."""
        ...

    def check(self, versions: Collection[ServiceVersion]) -> None:
        """Whether *versions* could run here; changes nothing.

        Raises:
            InputError: If one of them lacks something.
            ConflictError: If what is there already is somebody else's.
            PlatformError: If the platform would refuse it, or does not say.
        """
        ...

    def known(self) -> WorkloadsSeen:
        """As `observe` found it last, with what is meant of each copy by now; asks nobody."""
        ...

    def start(self, task: Task) -> None:
        """Let a migration or check run, supervised, once.

        Raises:
            PlatformError: If it cannot be started.
        """
        ...

    def end(self, task: str) -> None:
        """Stop it, and put aside what has ended; unknown ones are fine."""
        ...


class TrafficRouter(Protocol):
    """Who gets users in one environment, and what they are answered."""

    def route(self, target: Target) -> None:
        """Bring the shares of *target* into force now, as far as copies can take them.

        One of an older generation than the last is ignored. See `routed`.

        Raises:
            PlatformError: If it cannot be written.
        """
        ...

    def routed(self) -> RoutingSeen:
        """Which generation is in force wherever users come in, and what was rejected.

        One that was rejected is never said to be in force: the one before it still is.
        """
        ...

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* through the front door.

        Raises:
            PlatformError: If nothing answers in time.
        """
        ...

    def reaches(self, service: str) -> bool:
        """Whether `ask_version` can ask versions of *service*: one that is no web service has no address."""
        ...

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* of this version of this service, whatever the front door's routes.

        Raises:
            PlatformError: If nothing answers in time.
        """
        ...


class Host(Protocol):
    """What carries an environment, and goes up and down with the system."""

    def begin(self) -> None:
        """Start what every deployment needs; what runs already is found again.

        Raises:
            PlatformError: If it cannot be started.
        """
        ...

    def failing(self) -> list[Failing]:
        """What of it does not do its work, and why."""
        ...

    def interrupt(self) -> None:
        """End what requests wait for, however long it would take: the server ends after its answers."""
        ...

    def leave(self) -> list[str]:
        """The server ends for good: so does what nobody else would keep; the names of what would not end."""
        ...

    def stop_all(self) -> list[str]:
        """End everything; the names of what would not end in time."""
        ...


class Suspecting(Protocol):
    """Who looks at what users get of versions that are watched after their success."""

    def look(self, state: EnvironmentState, policy: AnalysisPolicy, now: datetime) -> Mapping[str, str]:
        """By service, in what its users get worse than before, in words; nothing while something moves."""
        ...


class Room(Protocol):
    """Space on the disk that is kept back for the moment when there is none left."""

    def make(self) -> bool:
        """Free a part of it; False where nothing is left to free. Never raises."""
        ...


class Backing(Protocol):
    """The databases an environment owns."""

    def ensure(self) -> None:
        """See to it that they run. Slow the first time; may be repeated.

        Raises:
            PlatformError: If one cannot be started.
        """
        ...

    def ready(self) -> bool:
        """Whether all of them run."""
        ...

    def addresses(self) -> Mapping[str, str]:
        """The URL of each that comes along, by placeholder name (``backing.NAME.url``)."""
        ...

    def secret_addresses(self) -> Mapping[str, SecretReference]:
        """Where the URL of each of one's own is found, by placeholder name: it may hold a password."""
        ...


class Artifacts(Protocol):
    """Where what was packed is kept."""

    def verify(self, artifact: Artifact, *, quick: bool = False) -> None:
        """Check that it is there and is what its digest says; *quick* leaves out what takes long.

        Raises:
            PlatformError: If it is missing or differs.
        """
        ...


class RolloutRepository(Protocol):
    """Releases, deployments and environments, as recorded."""

    def snapshot(self, environment: str) -> Snapshot:
        """The environment as recorded; an empty one where nothing was."""
        ...

    def commit(self, decision: Decision) -> bool:
        """Record *decision*, its incidents and entries in one transaction; False if another came first."""
        ...

    def reserve_deployment(self) -> int:
        """A number no other deployment has or will have."""
        ...

    def deployment(self, number: int) -> Deployment:
        """Raises NotFoundError where there is none."""
        ...

    def deployments(self, environment: str | None, limit: int) -> list[Deployment]:
        """Newest first."""
        ...

    def note_timings(self, number: int, timings_ms: Mapping[str, float], message: str) -> None:
        """Add measured parts, in milliseconds, to a deployment that has ended or not."""
        ...

    def revisions(self, environment: str, limit: int) -> list[Revision]:
        """Newest first."""
        ...

    def revision_of(self, environment: str, release: str) -> int | None:
        """The latest revision that brought *release*; None where none did."""
        ...

    def irreversible_after(self, environment: str, revision: int) -> list[str]:
        """The names, sorted, of the irreversible releases whose data a later state has.

        Those of later revisions that were not undone, and those that such a revision fixes: they had migrated
        when it took their places.
        """
        ...

    def incidents(self, environment: str | None, limit: int) -> list[Incident]:
        """Newest first, open and resolved."""
        ...

    def record(self, entry: Entry) -> None:
        """Record an entry that belongs to no decision: that something was refused."""
        ...

    def add_release(self, release: Release, entry: Entry) -> None:
        """Record it with the entry that says so. Raises ConflictError where another has the name."""
        ...

    def release(self, name: str) -> Release:
        """The one that *name*, or the beginning of its commit, means: see `release_names.meant`.

        Raises:
            NotFoundError: If it means none.
            InputError: If it may mean several.
        """
        ...

    def release_named(self, name: str) -> Release:
        """The one of this very name, which is what records hold; raises NotFoundError."""
        ...

    def releases(self, limit: int) -> list[Release]:
        """Newest first."""
        ...


class AnalysisRepository(Protocol):
    """Analyses, as recorded."""

    def begin_analysis(self, run: AnalysisRun) -> None:
        """Record that it has begun; may be repeated."""
        ...

    def add_window(
        self, key: Key, window: Window, sources: Mapping[str, Readings], evidence: Evidence
    ) -> None:
        """Record one more window, what is thought since, and where each source's counters stood."""
        ...

    def analysis(self, deployment: int, service: str) -> AnalysisRun | None:
        """What was recorded, with all its windows; None where nothing was judged."""
        ...


class Sources(Protocol):
    """The repository that releases are made from."""

    def tree(self, revision: str) -> SourceTree:
        """What the commit that *revision* names says; raises NotFoundError, InputError."""
        ...

    def pack(self, sha: str, source: ServiceSource, packing: Packing) -> Artifact:
        """Pack a service and install its dependencies; raises InputError, RefusedError, PlatformError."""
        ...
