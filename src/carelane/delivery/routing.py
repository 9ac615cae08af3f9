"""Where traffic should go: derived from what is recorded and what was seen, never stored."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from carelane.delivery.environments import EnvironmentState, Instance, Intent, ServiceState
from carelane.delivery.observations import Observation
from carelane.delivery.releases import Probe, ServiceKind, ServiceVersion

WHOLE = 10_000
"""The sum of the weights of a stable and a canary version: it never changes, or users would."""


@dataclass(frozen=True)
class Endpoint:
    """One instance that the proxy knows of; a draining one gets nothing new."""

    instance: str
    port: int
    draining: bool = False


@dataclass(frozen=True)
class VersionRoute:
    """One label of a service: its share of the traffic as a weight, and its endpoints."""

    weight: int
    endpoints: tuple[Endpoint, ...] = ()
    readiness: Probe | None = None


@dataclass(frozen=True)
class ServiceRoute:
    """One web service: path prefixes at the front door, and its labels, the one on trial last."""

    prefixes: tuple[str, ...] = ()
    versions: Mapping[str, VersionRoute] = field(default_factory=dict)
    canary: str | None = None


@dataclass(frozen=True)
class Routing:
    """An environment's whole routing, as of a recorded generation."""

    generation: int
    services: Mapping[str, ServiceRoute] = field(default_factory=dict)

    def only(self, names: Container[str]) -> "Routing":
        """The part of these services."""
        return Routing(self.generation, {name: s for name, s in self.services.items() if name in names})


class _Claim(IntEnum):
    """By what a service claims a path, the strongest first: a path moves only to who is ready to answer."""

    MOVED = 0
    """Its version on trial has all the users by now, and names the path."""
    HELD = 1
    """Its stable version names the path, and has somebody ready."""
    COMING = 2
    """It is new here: until who has the path leaves, that one answers."""
    LEFT = 3
    """Its stable version named the path, and its users are with another one already."""
    SILENT = 4
    """Its stable version names the path, and nobody answers: better that than another service's answer."""


def routing(state: EnvironmentState, seen: Observation) -> Routing:
    """The routing that *state* asks for.

    A label's weight is the number of its instances that are meant to serve and are ready, or its
    share of WHOLE where the canary has a percentage. A withdrawn label has none as long as another
    has anybody ready. Where none at all is ready, the stable label
    keeps the traffic: its proxy says 503, and nothing is sent to a version nobody chose.
    Labels come stable first, canary last, for a growing canary must only add users.

    A path belongs to one service: to the one with the strongest claim (see `_Claim`), which follows from
    the version that has its users. Who has nobody ready takes no path from who has.
    """
    routes: dict[str, ServiceRoute] = {}
    claims: list[tuple[_Claim, str, str]] = []
    for name, service in state.services.items():
        versions = _versions(service, seen)
        if not versions:
            continue
        claims += [(claim, prefix, name) for prefix, claim in _claims(service, versions).items()]
        shown = service.canary if service.canary in versions else None
        routes[name] = ServiceRoute((), _somebody(service, versions), shown)
    owners: dict[str, str] = {}
    for _, prefix, name in sorted(claims, key=lambda claim: claim[0]):
        owners.setdefault(prefix, name)
    for name, route in routes.items():
        mine = tuple(prefix for _, prefix, claimant in claims if claimant == name and owners[prefix] == name)
        routes[name] = replace(route, prefixes=mine)
    return Routing(state.generation, routes)


def reached(state: ServiceState, route: ServiceRoute) -> set[str]:
    """The labels of a service that users get: who has a share of it, where a path leads to it at all.

    A service that names no path is asked by other services.
    """
    return {
        label
        for label, version in route.versions.items()
        if version.weight and (route.prefixes or not state.versions[label].run.routes)
    }


def _versions(state: ServiceState, seen: Observation) -> dict[str, VersionRoute]:
    """The labels of a web service with what each gets; nothing where nobody is ready."""
    routes: dict[str, VersionRoute] = {}
    for label, version in _in_order(state):
        if version.run.kind is not ServiceKind.WEB:
            continue
        instances = state.of(label)
        ready = [i for i in instances if i.intent is Intent.SERVE and seen.healthy(i.id)]
        endpoints = _endpoints(instances, seen, serving=bool(ready))
        routes[label] = VersionRoute(len(ready), endpoints, version.run.readiness)
    if state.canary_percent is not None:
        return _shared(state, routes, state.canary_percent)
    return _without(state.withdrawn, routes)


def _somebody(state: ServiceState, routes: dict[str, VersionRoute]) -> dict[str, VersionRoute]:
    """The *routes*; with one that has the traffic where nobody is ready for it."""
    if any(route.weight for route in routes.values()):
        return routes
    keeps = state.stable if state.stable in routes else next(iter(routes))
    return {**routes, keeps: replace(routes[keeps], weight=1)}


def _claims(state: ServiceState, routes: dict[str, VersionRoute]) -> dict[str, _Claim]:
    """The paths that a service claims at the front door, and by what."""
    carrying = [label for label, route in routes.items() if route.weight]
    stable = state.stable if state.stable in routes else None
    of_stable = state.versions[stable].run.routes if stable is not None else ()
    if not carrying:
        return dict.fromkeys(of_stable, _Claim.SILENT)
    if stable in carrying:
        return dict.fromkeys(of_stable, _Claim.HELD)
    has_users = state.canary if state.canary in carrying else carrying[0]
    claim = _Claim.COMING if state.stable is None else _Claim.MOVED
    by_users = dict.fromkeys(state.versions[has_users].run.routes, claim)
    return {**dict.fromkeys(of_stable, _Claim.LEFT), **by_users}


def _in_order(state: ServiceState) -> list[tuple[str, ServiceVersion]]:
    place = {state.stable: 0, state.canary: 2}
    return sorted(state.versions.items(), key=lambda pair: place.get(pair[0], 1))


def _shared(state: ServiceState, routes: dict[str, VersionRoute], percent: int) -> dict[str, VersionRoute]:
    """The *routes* with the canary's percentage as weights; who has nobody ready leaves it to the other."""
    fit = {label for label, route in routes.items() if route.weight}
    asked = {state.stable: WHOLE * (100 - percent) // 100, state.canary: WHOLE * percent // 100}
    shares = {label: asked.get(label, 0) for label in fit}
    if not any(shares.values()):
        # What was superseded serves on only where the stable version has nobody to take its users.
        shares = dict.fromkeys(fit - {state.stable, state.canary}, WHOLE)
    return {label: replace(route, weight=shares.get(label, 0)) for label, route in routes.items()}


def _without(withdrawn: tuple[str, ...], routes: dict[str, VersionRoute]) -> dict[str, VersionRoute]:
    """The *routes* with no weight for what was *withdrawn*, unless nobody else can take its users."""
    if not any(route.weight for label, route in routes.items() if label not in withdrawn):
        return routes
    return {
        label: replace(route, weight=0) if label in withdrawn else route for label, route in routes.items()
    }


def _endpoints(instances: list[Instance], seen: Observation, *, serving: bool) -> tuple[Endpoint, ...]:
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
