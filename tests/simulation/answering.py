"""Who answers at the front door: no routing may take a path's answer away."""

from dataclasses import dataclass, field

from carelane.delivery.releases import Release, ServiceKind, ServiceVersion
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
        seen, fleet = self.simulation.replicas.seen, self.simulation.fleet
        return {
            prefix
            for name, route in routing.services.items()
            for label, version in route.versions.items()
            if version.weight
            and any(seen.healthy(e.instance) and e.instance in serving for e in version.endpoints)
            for prefix in route.prefixes
            if not by_name or prefix in _paths_of(fleet.versions.get(name, {}).get(label))
        }

    def _wanted(self) -> set[str]:
        """The paths that the environment's release has, and the one that is under way."""
        snapshot = self.simulation.repository.snapshot(PRODUCTION)
        active = snapshot.deployment
        names = {snapshot.state.release, active.release if active is not None and not active.ended else None}
        releases = [self.simulation.repository.release_named(name) for name in names if name is not None]
        return set.intersection(*(_paths(release) for release in releases)) if releases else set()


def _paths_of(version: ServiceVersion | None) -> tuple[str, ...]:
    return version.run.routes if version is not None else ()


def _paths(release: Release) -> set[str]:
    return {prefix for version in release.versions.values() for prefix in version.run.routes}
