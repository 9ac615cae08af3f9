"""From a configuration to a running system: every adapter is made here and nowhere else."""

import errno
import fcntl
import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass

from carelane.analysis.keeping import KeptHistory, Recorder, Thinning
from carelane.audit.notifying import Notifier
from carelane.base.clock import Clock, RealClock
from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.base.logs import Reports, Rotation
from carelane.base.loops import Failing, Loop, Watchdog
from carelane.bootstrap import limits, unknown
from carelane.bootstrap.inner_ports import InnerPorts
from carelane.bootstrap.localhub import Localhub
from carelane.bootstrap.places import Places
from carelane.bootstrap.sources import CommittedSources
from carelane.bootstrap.timekeeping import Timekeeping
from carelane.config import reading, translation
from carelane.config.model import Configuration, Environment, Secret
from carelane.delivery.analyses import Judging, thresholds_under_way
from carelane.delivery.engine import Engine, Platform
from carelane.delivery.operations import Operations
from carelane.delivery.releasing import Releasing
from carelane.delivery.suspecting import TrafficSuspecting
from carelane.delivery.tending import Tending
from carelane.platforms.envoy.meter import TrafficMeter
from carelane.platforms.envoy.proxies import PROCESSES, PROXIES
from carelane.platforms.envoy.recording import RecordedMeter
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.git.repository import GitRepository
from carelane.platforms.notifications.sender import AppriseSender
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.ballast import Ballast
from carelane.platforms.processes.logs import LogReader
from carelane.platforms.processes.postgres import EmbeddedPostgres
from carelane.platforms.processes.shim import boot_id
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import Ports, holder, is_free
from carelane.platforms.processes.workloads import ProcessWorkloads
from carelane.store.analyses import SqlAnalysisRepository
from carelane.store.answers import SqlAnswers
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.notifications import SqlNotificationQueue
from carelane.store.tokens import SqlTokenRepository
from carelane.store.traffic import SqlTrafficStore
from carelane.store.trail import SqlTrail

__all__ = ["App", "LocalEnvironment", "LogReader", "build", "hold"]
LOOP_SECONDS = 10.0
NOTIFYING_SECONDS = 600.0
_report = Reports()


@dataclass(frozen=True)
class Stores:
    """What is recorded, by what it is of."""

    rollouts: SqlRolloutRepository
    analyses: SqlAnalysisRepository
    traffic: SqlTrafficStore


@dataclass(frozen=True)
class LocalEnvironment:
    """One environment on this machine."""

    port: int
    engine: Engine
    workloads: ProcessWorkloads
    router: EnvoyRouter
    backing: EmbeddedPostgres
    proxies: Shims
    meter: TrafficMeter
    recorded: RecordedMeter
    tending: Tending


@dataclass(frozen=True)
class App:
    """The whole server, without its HTTP side."""

    places: Places
    configuration: Configuration
    environments: Mapping[str, LocalEnvironment]
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
    localhub: Localhub | None = None

    def begin(self) -> None:
        """Start proxies and loops; what runs already is found again."""
        for environment in self.environments.values():
            environment.router.begin()
        if self.localhub is not None:
            self.localhub.begin(self.tokens, RealClock().now())
        self.watchdog.begin()

    def failing(self) -> list[Failing]:
        """What of the server itself does not do its work, and why."""
        databases = [
            Failing(f"{database} of {name}", why)
            for name, environment in self.environments.items()
            for database, why in environment.backing.failing().items()
        ]
        proxies = [failing for e in self.environments.values() for failing in e.tending.failing()]
        return [*self.watchdog.failing(), *databases, *proxies]

    def end(self, *, keep_running: bool) -> list[str]:
        """Stop the loops and, unless kept, everything they started; names of what would not stop."""
        self.watchdog.stop(LOOP_SECONDS)
        if keep_running:
            return []
        left = []
        for environment in self.environments.values():
            left += environment.workloads.stop_all(15)
            for proxy in PROCESSES:
                environment.proxies.stop(proxy, 2)
            left += environment.proxies.wait_ended(list(PROCESSES), 5)
            for proxy in PROCESSES:
                environment.proxies.clear(proxy)
            environment.backing.stop_all()
        if self.localhub is not None:
            left += self.localhub.stop(5)
        return left


def hold(places: Places) -> int:
    """Take the lock of the one server of this system; the descriptor holds it until the process ends.

    Raises:
        ConflictError: If another server has it.
    """
    places.prepare()
    lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise ConflictError(
            f"a server runs already for {places.system}",
            hint="`carelane status` asks it; `carelane down` ends it",
        ) from None
    return lock


def build(places: Places, *, end_unknown: bool = False) -> App:
    """Put the system in *places* together; what runs and is unknown is ended only with *end_unknown*.

    Raises:
        ConflictError: If the database is missing, or older than what runs.
        CarelaneError: If what is recorded cannot be read, or there is no room to write.
        InputError: If carelane.yaml is wrong, or a front door's port is taken.
    """
    try:
        text = places.file.read_text()
    except FileNotFoundError:
        raise NotFoundError(
            f"no {places.file}", hint="go to your system's folder, or see the README"
        ) from None
    configuration = reading.read(text, places.file.name)
    places.prepare()
    limits.check(configuration)
    _refuse_orphans(places, configuration)
    unknown.refuse_without_database(places, end_unknown=end_unknown)
    timekeeping = Timekeeping(places.clock)
    clock = timekeeping.clock
    database = open_sqlite(places.database)
    trail = SqlTrail(database)
    stores = Stores(
        SqlRolloutRepository(database, trail), SqlAnalysisRepository(database), SqlTrafficStore(database)
    )
    states = {name: stores.rollouts.snapshot(name).state for name in configuration.environments}
    unknown.see_to(places, states, end_unknown=end_unknown)
    archives = Archives(places.artifacts)
    room = Ballast(places.ballast)
    ports = Ports(settings.port for settings in configuration.environments.values())
    environments = {
        name: _environment(places, configuration, name, settings, stores, archives, ports, room, clock)
        for name, settings in configuration.environments.items()
    }
    engines = {name: environment.engine for name, environment in environments.items()}
    localhub = None if configuration.pipeline is None else Localhub(places, configuration.pipeline)
    pushed = None if localhub is None else localhub.repository_folder
    sources = CommittedSources(GitRepository(places.system, also=pushed), archives)
    notifications = SqlNotificationQueue(database, trail)
    return App(
        places=places,
        configuration=configuration,
        environments=environments,
        repository=stores.rollouts,
        analyses=stores.analyses,
        operations=Operations(engines, stores.rollouts, archives, clock),
        releasing=Releasing(sources, stores.rollouts, clock),
        trail=trail,
        answers=SqlAnswers(database),
        watchdog=Watchdog(
            [
                *_loops(environments),
                *(() if localhub is None else (Loop("localhub", localhub.look, _report),)),
                _told_by(_notifier(places, configuration, trail, notifications, clock)),
                Loop("traffic", Thinning(stores.traffic, clock).step, _report),
                Loop("room", room.restore, _report),
                Loop("clock", timekeeping.keep, _report),
                Loop("log", Rotation(places.log).step, _report),
            ],
            _report,
        ),
        notifications=notifications,
        room=room,
        tokens=SqlTokenRepository(database, trail),
        localhub=localhub,
    )


def _refuse_orphans(places: Places, configuration: Configuration) -> None:
    """What an environment that is not described any more left running would be ended by nobody."""
    for root in sorted(path for path in places.environments.glob("*") if path.is_dir()):
        if root.name in configuration.environments:
            continue
        kept = [Shims(folder) for folder in (root / "proxies", root / "instances") if folder.is_dir()]
        running = [name for shims in kept for name in shims.names() if shims.running(shims.status(name))]
        if running:
            raise ConflictError(
                f"environment {root.name} is not in {places.file.name} any more, but still runs"
                f" {', '.join(running)}",
                hint="put it back, `carelane up`, `carelane down`, then take it out",
            )


def _loops(environments: Mapping[str, LocalEnvironment]) -> tuple[Loop, ...]:
    engines = [environment.engine.loop for environment in environments.values()]
    meters = [Loop(f"meter of {name}", e.recorded.look, _report) for name, e in environments.items()]
    tended = [Loop(f"proxies of {name}", e.tending.step, _report) for name, e in environments.items()]
    return (*engines, *meters, *tended)


def _told_by(notifier: Notifier) -> Loop:
    """Its step tries everything that is due, and each destination may take its time."""
    return Loop("notifications", notifier.follow, _report, late_seconds=NOTIFYING_SECONDS)


def _notifier(
    places: Places, configuration: Configuration, trail: SqlTrail, queue: SqlNotificationQueue, clock: Clock
) -> Notifier:
    wanted = {name: frozenset(d.acts) for name, d in configuration.notifications.items()}
    addresses = {
        name: functools.partial(_read_secret, places, d.url)
        for name, d in configuration.notifications.items()
    }
    return Notifier(trail, queue, AppriseSender(addresses), wanted, clock)


def _read_secret(places: Places, secret: Secret) -> str:
    """The value of *secret*, now; raises OSError where it cannot be read."""
    if secret.file is not None:
        return (places.system / secret.file).read_text().strip()
    value = os.environ.get(secret.variable or "")
    if value is None:
        raise OSError(errno.ENOENT, f"variable {secret.variable} is not set")
    return value


def _environment(
    places: Places,
    configuration: Configuration,
    name: str,
    settings: Environment,
    stores: Stores,
    archives: Archives,
    ports: Ports,
    room: Ballast,
    clock: Clock,
) -> LocalEnvironment:
    root = places.environment(name)
    root.mkdir(parents=True, exist_ok=True)
    proxies = Shims(root / "proxies")
    workloads = ProcessWorkloads(root, archives, places.system, ports)
    listening = any(proxies.running(proxies.status(proxy)) for proxy in PROXIES)
    if not listening and not is_free(settings.port):
        raise InputError(
            f"port {settings.port} of environment {name} is taken by {holder(settings.port)}",
            hint=f"end it, or choose another in {places.file.name}: environments.{name}.port",
        )
    inner = InnerPorts(root / "ports.json", name, ports, workloads.told_ports)
    inner_ports = inner.of(translation.web(configuration), listening, workloads.any_running())
    slow_ms = _thresholds_ms(stores, name, settings)
    router = EnvoyRouter(
        root / "envoy",
        settings.port,
        inner_ports,
        proxies,
        preview_port=_preview_port(name, settings, listening=listening),
        slow_ms=slow_ms,
    )
    _check_own_databases(places, settings)
    own = {name: translation.secret_reference(secret) for name, secret in settings.backing.items()}
    backing = EmbeddedPostgres(root, translation.backing(configuration), own)
    meter = TrafficMeter(list(router.admins.values()), boot_id())
    recorded = RecordedMeter(meter, Recorder(stores.traffic, name, clock), slow_ms)
    judging = Judging(KeptHistory(meter, stores.traffic, name, clock), stores.analyses)
    engine = Engine(
        name,
        translation.policy(settings),
        Platform(workloads, router, backing, judging, TrafficSuspecting(stores.traffic), room),
        stores.rollouts,
        clock,
        _report,
    )
    tending = Tending(name, router, stores.rollouts, clock)
    return LocalEnvironment(
        settings.port, engine, workloads, router, backing, proxies, meter, recorded, tending
    )


def _thresholds_ms(stores: Stores, name: str, settings: Environment) -> tuple[int, ...]:
    """Of slow requests: those that are configured, and those that a canary under way began with."""
    deployment = stores.rollouts.snapshot(name).deployment
    known = thresholds_under_way(deployment, stores.analyses)
    return tuple(sorted({*settings.objectives.thresholds_ms, *(round(ms) for ms in known)}))


def _preview_port(name: str, settings: Environment, *, listening: bool) -> int | None:
    port = translation.preview_port(settings)
    if port is not None and not listening and not is_free(port):
        raise InputError(
            f"the preview's port {port} of environment {name} is taken by {holder(port)}",
            hint=f"end it, or choose another: environments.{name}.strategy.blue_green.preview_port",
        )
    return port


def _check_own_databases(places: Places, settings: Environment) -> None:
    """Their addresses must be there to read; what they are, only the instances come to know."""
    for name, secret in settings.backing.items():
        try:
            _read_secret(places, secret)
        except OSError as error:
            raise InputError(f"the address of {name} cannot be read: {error.strerror}") from None
