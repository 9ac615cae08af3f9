"""Who answers at the front door: no routing may take a path's answer away."""

from dataclasses import dataclass, field

from carelane.delivery.releases import Release, ServiceKind
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.replicas.routing import Routing
from tests.fakes.simulation import PRODUCTION, Simulation


@dataclass
class Answering:
    """Looks at every routing of a *simulation* as it is written."""

    simulation: Simulation
    found: list[str] = field(default_factory=list)
    """What did not hold."""
    _serving: set[str] = field(default_factory=set)
    """The instances that were to serve when the last routing was written."""

    def __post_init__(self) -> None:
        route = self.simulation.router.route

        def watched(routing: Routing) -> None:
            before = self.simulation.router.routing
            route(routing)
            self._look(before, routing)

        self.simulation.router.route = watched  # type: ignore[method-assign]

    def _look(self, before: Routing, now: Routing) -> None:
        fleet = self.simulation.fleet
        seen = self.simulation.replicas.seen.instances
        serving = {i.id for i in fleet.instances if i.intent is Intent.SERVE}
        if not any(instance.live is False for instance in seen.values()):
            silenced = self._answered(before, self._serving, by_name=True) - self._answered(now, serving)
            silenced -= self._given_up(before, now, serving)
            self.found += [
                f"generation {now.generation}: {path} has no answer any more"
                for path in sorted(silenced & self._wanted())
            ]
        self._serving = serving
        self.found += [
            f"{i.id}, a worker, is warm"
            for i in fleet.instances
            if i.intent is Intent.WARM and fleet.version(i).run.kind is ServiceKind.WORKER
        ]

    def _answered(self, routing: Routing, serving: set[str], *, by_name: bool = False) -> set[str]:
        """The paths that lead to somebody ready; *by_name* to a version that names the path itself."""
        return {
            prefix
            for name, label in self._carrying(routing, serving)
            for prefix in routing.services[name].prefixes
            if not by_name or prefix in self._named(name, label)
        }

    def _given_up(self, before: Routing, now: Routing, serving: set[str]) -> set[str]:
        """The paths of services whose users are with somebody ready by now who has no such path."""
        found: set[str] = set()
        for name, label in self._carrying(now, serving):
            if name in before.services:
                found |= set(before.services[name].prefixes) - set(self._named(name, label))
        return found

    def _carrying(self, routing: Routing, serving: set[str]) -> list[tuple[str, str]]:
        """The service and label of who has weight, and somebody ready."""
        healthy = self.simulation.replicas.seen.healthy
        return [
            (name, label)
            for name, route in routing.services.items()
            for label, version in route.versions.items()
            if version.weight
            and any(healthy(e.instance) and e.instance in serving for e in version.endpoints)
        ]

    def _named(self, service: str, label: str) -> tuple[str, ...]:
        version = self.simulation.fleet.versions.get(service, {}).get(label)
        return version.run.routes if version is not None else ()

    def _wanted(self) -> set[str]:
        """The paths that the environment's release has, and the one that is under way."""
        snapshot = self.simulation.repository.snapshot(PRODUCTION)
        active = snapshot.deployment
        names = {snapshot.state.release, active.release if active is not None and not active.ended else None}
        releases = [self.simulation.repository.release_named(name) for name in names if name is not None]
        return set.intersection(*(_paths(release) for release in releases)) if releases else set()


def _paths(release: Release) -> set[str]:
    return {prefix for version in release.versions.values() for prefix in version.run.routes}
