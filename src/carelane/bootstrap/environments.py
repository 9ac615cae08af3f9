"""What the server has of each environment, wherever that runs."""

from dataclasses import dataclass
from datetime import datetime

from carelane.analysis.keeping import KeptHistory, Recorder
from carelane.base.clock import Clock
from carelane.base.loops import Loop, Report
from carelane.bootstrap.places import Places
from carelane.config import model, translation
from carelane.config.model import Configuration
from carelane.delivery.engine import Engine, Platform
from carelane.delivery.housekeeping import finding, recorded
from carelane.delivery.judging import Judging, thresholds_under_way
from carelane.delivery.looking import Details, Logs, Rates
from carelane.delivery.metering import Metering, RecordedMeter
from carelane.delivery.ports import Backing, Host, TrafficRouter, Workloads
from carelane.delivery.releases import ServiceKind
from carelane.delivery.retention import gone_back_to
from carelane.delivery.suspecting import TrafficSuspecting
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.ballast import Ballast
from carelane.platforms.processes.tcp_ports import Ports
from carelane.store.analyses import SqlAnalysisRepository
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.fleets import SqlFleets
from carelane.store.traffic import SqlTrafficStore


@dataclass(frozen=True)
class Stores:
    """What is recorded, by what it is of."""

    rollouts: SqlRolloutRepository
    fleets: SqlFleets
    analyses: SqlAnalysisRepository
    traffic: SqlTrafficStore


@dataclass(frozen=True)
class Environment:
    """One environment: *address* is where its users come in, *loops* is what is done for it all the time."""

    address: str
    engine: Engine
    logs: Logs
    details: Details
    rates: Rates
    host: Host
    loops: tuple[Loop, ...]


@dataclass(frozen=True)
class Machine:
    """What all environments on this machine share."""

    places: Places
    stores: Stores
    archives: Archives
    ports: Ports
    room: Ballast
    clock: Clock
    report: Report
    seen_until: datetime | None
    """When an earlier server was there last."""


@dataclass(frozen=True)
class Means:
    """What carries one environment: what runs, who gets users, and its databases."""

    workloads: Workloads
    router: TrafficRouter
    backing: Backing


@dataclass(frozen=True)
class Measured:
    """Who looks at what users get of one environment, by what is counted there."""

    judging: Judging
    suspecting: TrafficSuspecting
    loop: Loop

    @classmethod
    def by(cls, machine: Machine, name: str, meter: Metering, slow_ms: tuple[int, ...]) -> "Measured":
        """What *meter* counts in environment *name*, noted down for those who ask later."""
        traffic, clock = machine.stores.traffic, machine.clock
        recorded = RecordedMeter(meter, Recorder(traffic, name, clock), slow_ms)
        return cls(
            Judging(KeptHistory(meter, traffic, name, clock), machine.stores.analyses),
            TrafficSuspecting(traffic),
            Loop(f"meter of {name}", recorded.look, machine.report),
        )


def engine(machine: Machine, name: str, settings: model.Environment, means: Means, by: Measured) -> Engine:
    """What drives environment *name*, judging *by* what is counted there."""
    platform = Platform(means.workloads, means.router, means.backing, by.judging, by.suspecting, machine.room)
    return Engine(
        name,
        translation.policy(settings),
        platform,
        machine.stores.rollouts,
        machine.clock,
        machine.report,
        machine.seen_until,
    )


def web_services(machine: Machine, configuration: Configuration, name: str) -> list[str]:
    """The services that have an address in environment *name*.

    Those that are described no more have theirs for as long as it runs them, or can go back to them.
    """
    settings, rollouts = configuration.environments[name], machine.stores.rollouts
    known = recorded(rollouts, name, settings.rollback.revision_history)
    gone = [r.within(name).versions.values() for r in gone_back_to(known, finding(rollouts))]
    versions = [*known.versions, *(version for each in gone for version in each)]
    earlier = [version.service for version in versions if version.run.kind is ServiceKind.WEB]
    return list(dict.fromkeys((*translation.web(configuration), *sorted(earlier))))


def thresholds_ms(stores: Stores, name: str, settings: model.Environment) -> tuple[int, ...]:
    """Of slow requests: those that are configured, and those that a canary under way began with."""
    deployment = stores.rollouts.snapshot(name).deployment
    known = thresholds_under_way(deployment, stores.analyses)
    return tuple(sorted({*settings.objectives.thresholds_ms, *(round(ms) for ms in known)}))
