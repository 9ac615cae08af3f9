"""Who answers at the front door: no decision may take a path's answer away."""

from dataclasses import dataclass, field

from carelane.delivery.decisions.draft import Decision
from carelane.delivery.environments import EnvironmentState, Intent
from carelane.delivery.observations import Observation
from carelane.delivery.releases import Release, ServiceKind
from carelane.delivery.routing import routing
from tests.fakes.simulation import PRODUCTION, Simulation


@dataclass
class Answering:
    """Looks at every decision of a *simulation* as it is recorded."""

    simulation: Simulation
    found: list[str] = field(default_factory=list)
    """What did not hold."""

    def __post_init__(self) -> None:
        commit = self.simulation.repository.commit

        def watched(decision: Decision) -> bool:
            before = self.simulation.repository.snapshot(PRODUCTION).state
            recorded = commit(decision)
            if recorded:
                self._look(before, decision)
            return recorded

        self.simulation.repository.commit = watched  # type: ignore[method-assign]

    def _look(self, before: EnvironmentState, decision: Decision) -> None:
        seen = self.simulation.engine.seen
        if seen.endpoints is not None:
            hanging = any(instance.live is False for instance in seen.instances.values())
            silenced = (
                set() if hanging else answered(before, seen, by_name=True) - answered(decision.state, seen)
            )
            self.found += [
                f"generation {decision.state.generation}: {path} has no answer any more"
                for path in sorted(silenced & self._wanted(decision))
            ]
        self.found += [
            f"{i.id}, a worker, is warm"
            for state in decision.state.services.values()
            for i in state.of_intent(Intent.WARM)
            if state.versions[i.label].run.kind is ServiceKind.WORKER
        ]

    def _wanted(self, decision: Decision) -> set[str]:
        """The paths that the environment's release has, and the one that is under way."""
        names = {decision.state.release, *(d.release for d in decision.deployments if not d.ended)}
        releases = [self.simulation.repository.release_named(name) for name in names if name is not None]
        return set.intersection(*(_paths(release) for release in releases)) if releases else set()


def answered(state: EnvironmentState, seen: Observation, *, by_name: bool = False) -> set[str]:
    """The paths that lead to somebody ready; *by_name* to a version that names the path itself."""
    return {
        prefix
        for name, route in routing(state, seen).services.items()
        for label, version in route.versions.items()
        if version.weight and any(seen.healthy(i.id) for i in state.services[name].of(label, Intent.SERVE))
        for prefix in route.prefixes
        if not by_name or prefix in state.services[name].versions[label].run.routes
    }


def _paths(release: Release) -> set[str]:
    return {prefix for version in release.versions.values() for prefix in version.run.routes}
