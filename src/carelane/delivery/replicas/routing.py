"""What the proxies are told: derived from what is wanted, the fleet, and what was seen; never stored."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from carelane.delivery.releases import Probe, RouteSettings
from carelane.delivery.replicas.fleet import Crew, Fleet, Instance, Intent
from carelane.delivery.replicas.seen import FleetSeen
from carelane.delivery.targets import ServiceTarget, Target
from carelane.delivery.users import Carried, in_order, paths, shared, somebody


@dataclass(frozen=True)
class Endpoint:
    """One instance that the proxy knows of; a draining one gets nothing new."""

    instance: str
    port: int
    draining: bool = False


@dataclass(frozen=True)
class VersionRoute:
    """One label of a service: its share of the traffic as a weight, and its endpoints.

    *by_hand*: whether somebody of it answers who asks for this very label; not while it starts or leaves.
    """

    weight: int
    endpoints: tuple[Endpoint, ...] = ()
    readiness: Probe | None = None
    by_hand: bool = True


@dataclass(frozen=True)
class ServiceRoute:
    """One web service: path prefixes at the front door, and its labels, the one on trial last."""

    prefixes: tuple[str, ...] = ()
    versions: Mapping[str, VersionRoute] = field(default_factory=dict)
    canary: str | None = None
    settings: Mapping[str, RouteSettings] = field(default_factory=dict)
    """By path, of every path that one of its labels names."""


@dataclass(frozen=True)
class Routing:
    """An environment's whole routing, as of a recorded generation.

    The *expected* paths are named by what is to come, and nobody's yet.
    """

    generation: int
    services: Mapping[str, ServiceRoute] = field(default_factory=dict)
    expected: tuple[str, ...] = ()

    def only(self, names: Container[str]) -> "Routing":
        """The part of these services."""
        return replace(self, services={name: s for name, s in self.services.items() if name in names})


def routing(target: Target, fleet: Fleet, seen: FleetSeen) -> Routing:
    """The routing that *target* asks for, as far as the *fleet* can take it.

    A label's weight is its share, or where there are none the number of its instances that are meant to
    serve and are ready (see `users.shared`). Labels come stable first, the one on trial last.
    """
    carried = {
        name: made
        for name, wanted in target.services.items()
        if (made := _carried(wanted, fleet.crew(name), seen)).weights
    }
    owned = paths(carried)
    return Routing(
        target.generation,
        {name: _route(made, owned[name], fleet.crew(name), seen) for name, made in carried.items()},
        _expected(target, carried, {path for paths_of in owned.values() for path in paths_of}),
    )


def _expected(target: Target, carried: Mapping[str, Carried], owned: Container[str]) -> tuple[str, ...]:
    named = {
        path
        for name, wanted in target.services.items()
        if name not in carried or not carried[name].gives_up
        for label, version in wanted.versions.items()
        if label in {wanted.home, wanted.stable, wanted.trial}
        for path in version.run.routes
    }
    return tuple(sorted(path for path in named if path not in owned))


def _carried(wanted: ServiceTarget, crew: Crew, seen: FleetSeen) -> Carried:
    labels = in_order(wanted.versions, wanted.stable, wanted.trial)
    fit = {label: sum(seen.healthy(i.id) for i in crew.of(label, Intent.SERVE)) for label in labels}
    weights = shared(wanted.shares, wanted.copies, fit)
    return Carried(wanted.stable, wanted.trial, wanted.versions, weights, wanted.copies)


def _route(made: Carried, owned: tuple[str, ...], crew: Crew, seen: FleetSeen) -> ServiceRoute:
    weights = somebody(made.weights, made.stable)
    versions = {}
    for label, weight in weights.items():
        serving = any(seen.healthy(i.id) for i in crew.of(label, Intent.SERVE))
        endpoints = _endpoints(crew.of(label), seen, serving=serving)
        by_hand = any(seen.healthy(i.id) and i.intent is not Intent.STOP for i in crew.of(label))
        versions[label] = VersionRoute(weight, endpoints, made.versions[label].run.readiness, by_hand)
    trial = made.trial if made.trial in versions else None
    # What is only warm answers by hand at most: what it allows is not what users have.
    beside = [label for label, weight in weights.items() if weight or label == trial]
    return ServiceRoute(owned, versions, trial, _settings(made, beside))


def _settings(made: Carried, labels: Iterable[str]) -> dict[str, RouteSettings]:
    """What either of the versions that may answer allows, by path."""
    said: dict[str, list[RouteSettings]] = {}
    for label in labels:
        run = made.versions[label].run
        for path in run.routes:
            said.setdefault(path, []).append(run.route_settings.get(path, RouteSettings()))
    return {path: reduce(RouteSettings.or_more, every) for path, every in said.items()}


def _endpoints(instances: list[Instance], seen: FleetSeen, *, serving: bool) -> tuple[Endpoint, ...]:
    """A draining instance is marked only while its label goes on serving.

    A label without weight gets nothing new anyway; were its endpoints marked, a request that had
    chosen it the moment before would find nobody (1 in 100,000 requests, seen in the bench).
    """
    known = []
    for instance in instances:
        process = seen.instances.get(instance.id)
        if process is None or process.port is None or seen.gone(instance.id):
            continue
        leaving = instance.intent is Intent.STOP or (serving and instance.intent is Intent.DRAIN)
        known.append(Endpoint(instance.id, process.port, leaving))
    return tuple(known)
