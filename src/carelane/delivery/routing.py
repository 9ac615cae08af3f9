"""Where traffic should go: derived from what is recorded and what was seen, never stored."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

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


def routing(state: EnvironmentState, seen: Observation) -> Routing:
    """The routing that *state* asks for.

    A label's weight is the number of its instances that are meant to serve and are ready, or its
    share of WHOLE where the canary has a percentage. A withdrawn label has none as long as another
    has anybody ready. Where none at all is ready, the stable label
    keeps the traffic: its proxy says 503, and nothing is sent to a version nobody chose.
    Labels come stable first, canary last, for a growing canary must only add users.
    """
    return Routing(
        state.generation,
        {name: route for name, s in state.services.items() if (route := _service(s, seen)) is not None},
    )


def _service(state: ServiceState, seen: Observation) -> ServiceRoute | None:
    web = {label: v for label, v in _in_order(state) if v.run.kind is ServiceKind.WEB}
    if not web:
        return None
    routes: dict[str, VersionRoute] = {}
    for label, version in web.items():
        instances = state.of(label)
        ready = [i for i in instances if i.intent is Intent.SERVE and seen.healthy(i.id)]
        endpoints = _endpoints(instances, seen, serving=bool(ready))
        routes[label] = VersionRoute(len(ready), endpoints, version.run.readiness)
    if state.canary_percent is not None:
        routes = _shared(state, routes, state.canary_percent)
    else:
        routes = _without(state.withdrawn, routes)
    if not any(route.weight for route in routes.values()):
        keeps = state.stable if state.stable in routes else next(iter(routes))
        routes[keeps] = VersionRoute(1, routes[keeps].endpoints, routes[keeps].readiness)
    shown = web.get(state.stable or "") or next(iter(web.values()))
    # What was taken out, and serves no more, has no path: another service may have one that leads there.
    gone = state.stable is None and state.canary is None and not state.of_intent(Intent.SERVE)
    prefixes = () if gone else shown.run.routes
    return ServiceRoute(prefixes, routes, state.canary if state.canary in routes else None)


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
