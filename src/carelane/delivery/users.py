"""Who gets users: derived from what is recorded and what is seen, never stored.

A path at the front door belongs to one service: to the one with the strongest claim, which follows from the
version that has its users. Who has nobody ready takes no path from who has.
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from enum import IntEnum

from carelane.delivery.environments import ServiceState
from carelane.delivery.observations import CopySeen, Observation
from carelane.delivery.releases import ServiceKind, ServiceVersion


@dataclass(frozen=True)
class Users:
    """Of one web service: its *paths* at the front door, and each label's weight, the one on trial last."""

    weights: Mapping[str, int]
    paths: tuple[str, ...] = ()


class _Claim(IntEnum):
    """By what a service claims a path, the strongest first: a path moves only to who is ready to answer."""

    MOVED = 0
    """Its version on trial has all the users by now, and names the path."""
    HELD = 1
    """Its stable version names the path, and has somebody ready."""
    COMING = 2
    """It is new here: until who has the path leaves, that one answers."""
    SILENT = 3
    """Its stable version names the path, and nobody answers: better that than another service's answer."""
    AWAITED = 4
    """It is new here, and nobody of it is ready: the path is nobody's so long."""
    LEFT = 5
    """Its stable version named the path, and its users are with another one already, which may not."""


@dataclass(frozen=True)
class Carried:
    """One web service: which of its versions carry how much, and which is stable, and on *trial*.

    *weights* has all its web versions; *copies* the labels that are to run, workers too.
    """

    stable: str | None
    trial: str | None
    versions: Mapping[str, ServiceVersion]
    weights: Mapping[str, int]
    copies: Collection[str] = ()

    @property
    def gives_up(self) -> bool:
        """Whether it is to run no web version any more: its paths are others' from then on."""
        return bool(self.copies) and not any(label in self.weights for label in self.copies)


def users(services: Mapping[str, ServiceState], seen: Observation) -> dict[str, Users]:
    """Who gets users of each web service that was ever there, as what is recorded asks for."""
    carried = {}
    for name, state in services.items():
        labels = in_order(state.versions, state.stable, state.canary)
        fit = {label: _fit(state, label, seen.of(name, label)) for label in labels}
        if fit:
            weights = shared(state.shares, state.copies, fit)
            carried[name] = Carried(state.stable, state.canary, state.versions, weights, state.copies)
    owned = paths(carried)
    return {name: Users(somebody(c.weights, c.stable), owned[name]) for name, c in carried.items()}


def paths(carried: Mapping[str, Carried]) -> dict[str, tuple[str, ...]]:
    """The paths at the front door that are each service's own."""
    claims = [(claim, path, name) for name, c in carried.items() for path, claim in _claims(c).items()]
    owners: dict[str, str] = {}
    for claim, path, name in sorted(claims, key=lambda claim: claim[0]):
        owners.setdefault(path, name if claim is not _Claim.AWAITED else "")
    return {name: tuple(p for _, p, claimant in claims if claimant == name == owners[p]) for name in carried}


def reached(state: ServiceState, who: Users | None) -> set[str]:
    """The labels of a service that users get: who has a share of it, where a path leads to it at all.

    A service that names no path is asked by other services.
    """
    if who is None:
        return set()
    with_weight = [label for label, weight in who.weights.items() if weight]
    return {label for label in with_weight if who.paths or not state.versions[label].run.routes}


def shared(
    shares: Mapping[str, int] | None, copies: Container[str], fit: Mapping[str, int]
) -> dict[str, int]:
    """Each label's weight where so many are *fit*: its share, or without *shares* their number.

    Who has nobody fit leaves it to the others. What has neither share nor *copies* any more serves on only
    where nobody of those that have can take its users.
    """
    parts = shares if shares is not None else {label: n for label, n in fit.items() if label in copies}
    given = {label: parts.get(label, 0) if fit[label] else 0 for label in fit}
    if any(given.values()):
        return given
    return {label: fit[label] if label not in parts else 0 for label in fit}


def somebody(weights: Mapping[str, int], stable: str | None) -> Mapping[str, int]:
    """The *weights*; with one that has the traffic where nobody is ready for it.

    The stable version then: its proxy says 503, and nothing is sent to a version nobody chose.
    """
    if any(weights.values()) or not weights:
        return weights
    keeps = stable if stable is not None and stable in weights else next(iter(weights))
    return {**weights, keeps: 1}


def in_order(versions: Mapping[str, ServiceVersion], stable: str | None, trial: str | None) -> list[str]:
    """Those that take requests, the stable version first, the one on trial last.

    A growing share must only add users.
    """
    place = {stable: 0, trial: 2}
    web = [label for label, version in versions.items() if version.run.kind is ServiceKind.WEB]
    return sorted(web, key=lambda label: place.get(label, 1))


def _fit(state: ServiceState, label: str, copies: list[CopySeen]) -> int:
    """How many can take users: what is to serve may be warm still, or be on its way out, and is recalled."""
    if state.home is None:
        return 0  # all of it leaves
    if label in state.filled:
        return sum(copy.fit_beside(state.stable) and not copy.leaving for copy in copies)
    return sum(copy.fit_beside(state.stable) and copy.serves for copy in copies)


def _claims(service: Carried) -> dict[str, _Claim]:
    """The paths that a service claims at the front door, and by what."""
    carrying = [label for label, weight in service.weights.items() if weight]
    stable = service.stable if service.stable in service.weights else None
    of_stable = service.versions[stable].run.routes if stable is not None else ()
    if not carrying and service.gives_up:
        return {}
    if not carrying and service.stable is None:
        return dict.fromkeys(_named_by_coming(service), _Claim.AWAITED)
    if not carrying:
        return dict.fromkeys(of_stable, _Claim.SILENT)
    if stable in carrying:
        return dict.fromkeys(of_stable, _Claim.HELD)
    has_users = service.trial if service.trial in carrying else carrying[0]
    if service.stable is not None and stable is None and has_users != service.trial:
        return {}  # it is no web service any more: what it left has no say about a path
    claim = _Claim.COMING if service.stable is None else _Claim.MOVED
    by_users = dict.fromkeys(service.versions[has_users or ""].run.routes, claim)
    return {**dict.fromkeys(of_stable, _Claim.LEFT), **by_users}


def _named_by_coming(service: Carried) -> tuple[str, ...]:
    version = service.versions.get(service.trial or "")
    return () if version is None else version.run.routes
