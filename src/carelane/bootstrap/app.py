"""From a configuration to a running system: every adapter is made here and nowhere else."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from carelane.analysis.keeping import Thinning
from carelane.audit.entries import Entry
from carelane.audit.notifying import Notifier
from carelane.base.clock import Clock, RealClock
from carelane.base.logs import Reports, Rotation
from carelane.base.loops import Failing, Loop, Watchdog
from carelane.bootstrap import limits, local, secrets, unknown
from carelane.bootstrap.environments import Environment, Machine, Stores
from carelane.bootstrap.localhub import Localhub
from carelane.bootstrap.places import Places
from carelane.bootstrap.reloading import Reloading
from carelane.bootstrap.sources import CommittedSources
from carelane.bootstrap.timekeeping import Timekeeping
from carelane.config import reading, translation
from carelane.config.model import Configuration
from carelane.config.strategies import RollbackSettings
from carelane.delivery.housekeeping import Housekeeping
from carelane.delivery.operations import Operations
from carelane.delivery.releasing import Releasing
from carelane.delivery.retention import Shelf
from carelane.platforms.git.repository import GitRepository
from carelane.platforms.notifications.sender import AppriseSender
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.ballast import Ballast
from carelane.platforms.processes.shelves import ArtifactShelf, DamagedShelf, EndedShelf
from carelane.platforms.processes.tcp_ports import Ports
from carelane.store.analyses import SqlAnalysisRepository, WindowShelf
from carelane.store.answers import SqlAnswers
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.fleets import SqlFleets
from carelane.store.notifications import SqlNotificationQueue
from carelane.store.tokens import SqlTokenRepository
from carelane.store.traffic import SqlTrafficStore
from carelane.store.trail import SqlTrail

LOOP_SECONDS = 10.0
NOTIFYING_SECONDS = 600.0
"""Its step tries everything that is due, and each destination may take its time."""
_report = Reports()

HOUSEKEEPING_SECONDS = 600.0
"""How long looking through, and removing, hundreds of thousands of files may take."""


@dataclass(frozen=True)
class App:
    """The whole server, without its HTTP side."""

    places: Places
    reloading: Reloading
    environments: Mapping[str, Environment]
    repository: SqlRolloutRepository
    analyses: SqlAnalysisRepository
    operations: Operations
    releasing: Releasing
    trail: SqlTrail
    answers: SqlAnswers
    watchdog: Watchdog
    notifications: SqlNotificationQueue
    room: Ballast
    tokens: SqlTokenRepository
    archives: Archives
    housekeeping: Housekeeping
    localhub: Localhub | None = None
    ended: set[str] = field(default_factory=set)
    """The environments that were ended alone: nobody looks after them any more."""

    @property
    def configuration(self) -> Configuration:
        """What carelane.yaml said when it was last read into force."""
        return self.reloading.used

    def begin(self) -> None:
        """Start what the environments need, and the loops; what runs already is found again."""
        for environment in self.environments.values():
            environment.host.begin()
        if self.localhub is not None:
            self.localhub.begin(self.tokens, RealClock().now())
        self.watchdog.begin()

    def failing(self) -> list[Failing]:
        """What of the server itself does not do its work, and why."""
        hosts = [e.host for name, e in self.environments.items() if name not in self.ended]
        return [*self.watchdog.failing(), *(failing for host in hosts for failing in host.failing())]

    def end_environment(self, name: str, entry: Entry) -> list[str]:
        """End all that runs in environment *name*, which nobody looks after until a server starts anew.

        What it should run stays recorded. Returns the names of what would not end.
        """
        self.operations.engine(name).end()
        self.repository.record(entry)
        self.ended.add(name)
        self.environments[name].host.interrupt()
        for loop in self.environments[name].loops:
            loop.stop(LOOP_SECONDS)
        return self.environments[name].host.stop_all()

    def interrupt(self) -> None:
        """End what requests wait for, however long it would take: the server ends after its answers."""
        self.archives.end()
        for environment in self.environments.values():
            environment.host.interrupt()

    def end(self, *, keep_running: bool) -> list[str]:
        """Stop the loops and, unless kept, everything they started; names of what would not stop."""
        self.watchdog.stop(LOOP_SECONDS)
        if keep_running:
            return []
        left: list[str] = []
        for environment in self.environments.values():
            left += environment.host.leave()
        if self.localhub is not None:
            left += self.localhub.stop(5)
        return left


def build(places: Places, *, end_unknown: bool = False) -> App:
    """Put the system in *places* together; what runs and is unknown is ended only with *end_unknown*.

    Raises:
        ConflictError: If the database is missing, or older than what runs.
        CarelaneError: If what is recorded cannot be read, or there is no room to write.
        NotFoundError: If there is no carelane.yaml.
        InputError: If carelane.yaml is wrong, or cannot be read, or a front door's port is taken.
    """
    configuration = reading.read(reading.text_of(places.file), places.file.name)
    places.prepare()
    limits.check(configuration)
    unknown.refuse_orphans(places, configuration)
    unknown.refuse_without_database(places, end_unknown=end_unknown)
    timekeeping = Timekeeping(places.clock)
    clock = timekeeping.clock
    database = open_sqlite(places.database)
    trail = SqlTrail(database)
    stores = Stores(
        SqlRolloutRepository(database, trail),
        SqlFleets(database, trail),
        SqlAnalysisRepository(database),
        SqlTrafficStore(database),
    )
    recorded = {
        name: unknown.Recorded(
            stores.rollouts.snapshot(name).state.generation,
            {instance.id for instance in stores.fleets.fleet(name).instances},
        )
        for name in configuration.environments
    }
    unknown.see_to(places, recorded, end_unknown=end_unknown)
    archives = Archives(places.artifacts)
    room = Ballast(places.ballast)
    ports = Ports(s.port for s in configuration.environments.values() if s.port is not None)
    machine = Machine(places, stores, archives, ports, room, clock, _report, timekeeping.before)
    environments = {name: _environment(machine, configuration, name) for name in configuration.environments}
    engines = {name: environment.engine for name, environment in environments.items()}
    localhub = None if configuration.pipeline is None else Localhub(places, configuration.pipeline)
    pushed = None if localhub is None else localhub.repository_folder
    sources = CommittedSources(GitRepository(places.system, also=pushed), archives)
    notifications = SqlNotificationQueue(database, trail)
    telling = _Telling(places, configuration, trail, notifications, clock)

    def use(wanted: Configuration) -> None:
        for name, engine in engines.items():
            engine.adopt(translation.policy(wanted.environments[name]))
        telling.use(wanted)

    reloading = Reloading(places, configuration, use, stores.rollouts.record, clock)
    shelves: list[Shelf] = [
        ArtifactShelf(places.artifacts, places.environments),
        EndedShelf(lambda: [folder / "ended" for folder in places.known_environments()]),
        DamagedShelf(places.state),
        WindowShelf(database),
    ]
    housekeeping = Housekeeping(
        stores.rollouts,
        stores.fleets,
        shelves,
        lambda: translation.retention(reloading.used),
        lambda: _revisions_kept(places, reloading.used),
        clock,
        _report,
    )
    return App(
        places=places,
        reloading=reloading,
        housekeeping=housekeeping,
        environments=environments,
        repository=stores.rollouts,
        analyses=stores.analyses,
        operations=Operations(engines, stores.rollouts, archives, clock),
        releasing=Releasing(sources, stores.rollouts, clock),
        trail=trail,
        answers=SqlAnswers(database),
        watchdog=Watchdog(
            [
                *(loop for environment in environments.values() for loop in environment.loops),
                *(() if localhub is None else (Loop("localhub", localhub.look, _report),)),
                Loop("notifications", telling.notifier.follow, _report, late_seconds=NOTIFYING_SECONDS),
                Loop("traffic", Thinning(stores.traffic, clock).step, _report),
                Loop("room", room.restore, _report),
                Loop("retention", housekeeping.step, _report, late_seconds=HOUSEKEEPING_SECONDS),
                Loop("clock", timekeeping.keep, _report),
                Loop("log", Rotation(places.log).step, _report),
            ],
            _report,
        ),
        notifications=notifications,
        room=room,
        tokens=SqlTokenRepository(database, trail),
        archives=archives,
        localhub=localhub,
    )


def _environment(machine: Machine, configuration: Configuration, name: str) -> Environment:
    if configuration.environments[name].platform == "processes":
        return local.environment(machine, configuration, name)
    # A cluster's client takes memory that a server without one does not need.
    from carelane.bootstrap import clusters

    return clusters.environment(machine, configuration, name)


def _revisions_kept(places: Places, configuration: Configuration) -> dict[str, int]:
    """How many revisions can be named, by environment; those that are described no more count too."""
    usual = RollbackSettings().revision_history
    gone = {folder.name: usual for folder in places.known_environments()}
    there = {name: each.rollback.revision_history for name, each in configuration.environments.items()}
    return {**gone, **there}


class _Telling:
    """Who is told what, and at which address."""

    def __init__(
        self,
        places: Places,
        configuration: Configuration,
        trail: SqlTrail,
        queue: SqlNotificationQueue,
        clock: Clock,
    ) -> None:
        self._places = places
        self._sender = AppriseSender(self._addresses(configuration))
        self.notifier = Notifier(trail, queue, self._sender, _wanted(configuration), clock)

    def use(self, configuration: Configuration) -> None:
        """From now on as *configuration* says."""
        self._sender.use(self._addresses(configuration))
        self.notifier.use(_wanted(configuration))

    def _addresses(self, configuration: Configuration) -> dict[str, Callable[[], str]]:
        told = configuration.notifications.items()
        return {name: functools.partial(secrets.read, self._places, d.url) for name, d in told}


def _wanted(configuration: Configuration) -> dict[str, frozenset[str]]:
    return {name: frozenset(d.acts) for name, d in configuration.notifications.items()}
