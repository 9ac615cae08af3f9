"""What a deployment leaves out of what its environment asks of one: by its strategy, or by another name."""

from collections.abc import Iterator
from dataclasses import replace

from carelane.delivery import strategies
from carelane.delivery.decisions import leaving
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.policies import Policy
from carelane.delivery.releases import Release, ServiceVersion
from carelane.delivery.strategies import ROLLING, Strategy


def given_up(policy: Policy, state: EnvironmentState, release: Release, chosen: Strategy | None) -> list[str]:
    """What deploying *release* by the *chosen* strategy, or the environment's own, leaves out, in words."""
    by_strategy = [] if chosen is None else policy.given_up(chosen)
    return [*by_strategy, *unjudged(policy, state, release)]


def unjudged(policy: Policy, state: EnvironmentState, release: Release) -> list[str]:
    """The steps that users of a service do not get who go over to a new one, which has paths of it at once.

    There is nothing of the new one that it could stand beside, as a renamed service would have it.
    """
    return list(_unjudged(policy, state, release))


def _unjudged(policy: Policy, state: EnvironmentState, release: Release) -> Iterator[str]:
    for name, version in state.running.items():
        lost = strategies.given_up(policy.strategy_of(name), ROLLING)
        for new in leaving.answering(release.versions, _given_away(version, release)) if lost else []:
            if new not in state.running:
                yield f"{' and '.join(lost)} for {new}, which takes users of {name} over at once"


def _given_away(version: ServiceVersion, release: Release) -> ServiceVersion:
    """*version* with those of its paths alone that its service has no more in *release*."""
    there = release.versions.get(version.service)
    kept = there.run.routes if there is not None else ()
    routes = tuple(path for path in version.run.routes if path not in kept)
    return replace(version, run=replace(version.run, routes=routes))
