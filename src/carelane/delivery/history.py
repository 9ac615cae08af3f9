"""Where an environment can go back to, and what it cannot go past.

Going back leaves what runs, not a name: a release that changed no service is no place to go back to.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from carelane.base.errors import ConflictError, NotFoundError, RefusedError
from carelane.delivery import users
from carelane.delivery.decisions.commands import differing
from carelane.delivery.decisions.draft import Snapshot
from carelane.delivery.deployments import Deployment, Kind, Phase, Revision, RolloutPhase
from carelane.delivery.environments import EnvironmentState, ServiceState
from carelane.delivery.observations import CopySeen, Observation
from carelane.delivery.ports import RolloutRepository
from carelane.delivery.releases import Release, ServiceKind, has_changed, irreversible

LOOKED_BACK = (20, 1000, 1_000_000)
"""How many are read at first, and then: what is looked for is seldom far, and found however far it is."""
T = TypeVar("T")


@dataclass(frozen=True)
class Way:
    """How far back somebody wants to go: to a revision, or as far as needed where none is named.

    *kept* is how many revisions may be named. *past* are the names of releases that are left knowingly:
    nothing goes there, and who names an irreversible one may go to what was before it. *mends* says of a
    release whether it will do.
    """

    kind: Kind = Kind.ROLLBACK
    kept: int = 10
    to_revision: int | None = None
    past: frozenset[str] = frozenset()
    mends: Callable[[Release], bool] = lambda release: True  # noqa: ARG005


@dataclass(frozen=True)
class Target:
    """Where it goes: a revision, or None where only what is under way is left; and its release.

    *stays* says that users are there already: what is under way has none, and only that is ended.
    """

    revision: int | None
    release: Release
    stays: bool = False


def ever_further(read: Callable[[int], list[T]]) -> Iterator[list[T]]:
    """What *read* finds of the newest so many: of a few at first, then of more, until there are no more."""
    for most in LOOKED_BACK:
        found = read(most)
        yield found
        if len(found) < most:
            return


class History:
    """The revisions of all environments, asked where a rollback may go."""

    def __init__(self, repository: RolloutRepository) -> None:
        self._repository = repository

    def way_back(self, snapshot: Snapshot, seen: Observation, way: Way) -> Target:
        """The revision and the release that a rollback goes to.

        While something is moving that is what is stable, also where its revision is named; but an
        emergency leaves what users have, and where nothing on its way has any, that is stable itself,
        if there is anything before it. Where a rollback is under way, it is where that goes. Else it is
        the latest earlier revision that was not undone and in which a service differs from what runs, or
        the one named among the kept ones.

        Raises:
            NotFoundError: If there is none.
            ConflictError: If no service differs in the revision named.
            RefusedError: If an irreversible release lies between, or what is under way is one that has
                changed the data.
        """
        state, active = snapshot.state, _active(snapshot)
        if active is not None and way.kind is not Kind.EMERGENCY:
            self._refuse_leaving(snapshot, way)
        if way.to_revision not in {None, state.revision} or state.release is None:
            return self._earlier(state, way)
        if active is not None and _goes_back(active) and way.to_revision is None:
            there = self._repository.release_named(active.release).within(state.name)
            cannot = active.kind is Kind.EMERGENCY and active.phase is Phase.PAUSED
            if way.kind is Kind.EMERGENCY and (cannot or active.release in way.past):
                return self._earlier(state, way, beyond=Target(active.to_revision, there))
            if differing(state, there):
                return Target(active.to_revision, there)
        stable = Target(None, self._repository.release_named(state.release).within(state.name))
        begun = active is not None and any(rollout.begun for rollout in active.rollouts.values())
        if way.kind is Kind.EMERGENCY:
            # A rollback that turns back leads to what it was to leave: that is what an emergency leaves.
            returns = active is not None and active.kind is not Kind.DEPLOY and active.phase is Phase.ABORTING
            if has_users(snapshot, seen) and not returns:
                return self._earlier(state, way) if state.release in way.past else stable
            return self._past_stable(state, way, replace(stable, stays=True), begun=begun)
        return stable if begun and state.release not in way.past else self._earlier(state, way)

    def _past_stable(self, state: EnvironmentState, way: Way, stable: Target, *, begun: bool) -> Target:
        """What users have is stable itself: further back than that, if there is anything there."""
        try:
            return self._earlier(state, way)
        except NotFoundError:
            if not begun:
                raise
            return stable

    def _refuse_leaving(self, snapshot: Snapshot, way: Way) -> None:
        """Not asked of an emergency: most users are with stable, which has the changed data already."""
        names = [name for name in snapshot.changed_for_good if name not in way.past]
        if names:
            raise RefusedError(
                f"{has_changed(names)}, which is under way",
                hint=f"fix forward; or leave it by name: {past_words(way.past, names)},"
                " or `carelane rollout abort`",
            )

    def _earlier(self, state: EnvironmentState, way: Way, beyond: Target | None = None) -> Target:
        for history in ever_further(lambda most: self._repository.revisions(state.name, max(most, way.kept))):
            if not history:
                raise NotFoundError(f"{state.name} has no history yet", hint="deploy a release first")
            target = (
                self._first(state, history[1:], way, beyond)
                if way.to_revision is None
                else self._named(state, history[: way.kept], way.to_revision)
            )
            if target is not None:
                self._refuse_irreversible(state.name, target, way.past)
                return target
        now = history[0]
        done = "" if now.kind is Kind.DEPLOY else f"revision {now.number} is a rollback by {now.author}; "
        but = f" and that is not left by name ({', '.join(sorted(way.past))})" if way.past else ""
        raise NotFoundError(
            f"{state.name} has no earlier revision to go back to that was not itself undone"
            f" and in which a service differs from what runs{but}",
            hint=f"{done}`carelane history {state.name}` lists them,"
            f" `carelane rollback {state.name} --to-revision N` goes to one",
        )

    def _first(
        self, state: EnvironmentState, earlier: Iterable[Revision], way: Way, beyond: Target | None
    ) -> Target | None:
        known: dict[str, Release] = {}  # pipelines may have gone to and fro between two of them
        left = self._left(state.name, way.past)
        for revision in earlier:
            if revision.undone_by is not None or revision.release in way.past:
                continue
            if beyond is not None and beyond.revision is not None and revision.number >= beyond.revision:
                continue
            if revision.release not in known:
                found = self._repository.release_named(revision.release)
                known[revision.release] = found.within(state.name)
            release = known[revision.release]
            same = beyond is not None and _versions(release) == _versions(beyond.release)
            if (
                differing(state, release)
                and _versions(release) not in left
                and not same
                and way.mends(release)
            ):
                return Target(revision.number, release)
        return None

    def _left(self, environment: str, past: Iterable[str]) -> list[dict[str, str]]:
        """The versions of the releases that are left by name: another one that has just these is left too."""
        found = []
        for name in past:
            with suppress(NotFoundError):
                found.append(_versions(self._repository.release_named(name).within(environment)))
        return found

    def _named(self, state: EnvironmentState, kept: list[Revision], number: int) -> Target:
        chosen = next((r for r in kept if r.number == number), None)
        if chosen is None:
            raise NotFoundError(
                f"{state.name} has no revision {number}",
                hint=f"kept are {kept[-1].number} to {kept[0].number}",
            )
        release = self._repository.release_named(chosen.release).within(state.name)
        if not differing(state, release):
            raise ConflictError(
                f"{state.name} has {release.name} (revision {chosen.number}) already: no service differs"
            )
        return Target(chosen.number, release)

    def returns_to(self, snapshot: Snapshot, wanted: Release) -> int | None:
        """The revision that deploying *wanted* returns to; None where it was never there.

        Deploying an earlier release is no way round an irreversible one either.

        Raises:
            RefusedError: If an irreversible release came after *wanted* was there.
        """
        environment = snapshot.state.name
        known = self._repository.revision_of(environment, wanted.name)
        if known is not None:
            self._refuse_leaving(snapshot, Way())
            self._refuse_irreversible(environment, Target(known, wanted), frozenset())
        changed = (*self._repository.irreversible_after(environment, 0), *snapshot.changed_for_good)
        names = [name for name in dict.fromkeys(changed) if self._is_before(wanted, name)]
        if names:
            raise RefusedError(
                f"{irreversible(names)}, and {wanted.name} has versions from before: nothing of it can read"
                " the data",
                hint="fix forward: deploy a release that mends it; `carelane rollback --past NAME` goes back"
                " knowingly",
            )
        return known

    def _is_before(self, wanted: Release, name: str) -> bool:
        """Whether *wanted*, whatever it is called, has a version from before what release *name* changed."""
        changed = self._repository.release_named(name)
        for service, version in changed.versions.items():
            old = wanted.versions.get(service)
            if version.label != name or old is None or old.label == name:
                continue
            with suppress(NotFoundError):
                if self._repository.release_named(old.label).created_at < changed.created_at:
                    return True
        return False

    def _refuse_irreversible(self, environment: str, target: Target, past: frozenset[str]) -> None:
        # What was undone was gone past before, by who knew.
        between = dict.fromkeys(self._repository.irreversible_after(environment, target.revision or 0))
        names = [name for name in between if name not in {target.release.name, *past}]
        if names:
            raise RefusedError(
                f"{irreversible(names)}: nothing before can read the data",
                hint="fix forward: deploy a release that mends it; who knows better says"
                f" {past_words(past, names)}",
            )


def past_words(said: Iterable[str], names: Iterable[str]) -> str:
    """What to say to leave *names* too."""
    return " ".join(f"--past {name}" for name in dict.fromkeys((*sorted(said), *names)))


def has_users(snapshot: Snapshot, seen: Observation) -> bool:
    """Whether users, or work, are with any version on its way, or were with what is under way still.

    Who had users once has them until it is left, whether or not it answers them, or anybody can say so.
    What a service that was taken out of the environment still drains is not on its way.
    """
    state, active = snapshot.state, _active(snapshot)
    rollouts = active.rollouts.values() if active is not None else ()
    who = users.users(state.services, seen)
    return (
        any(r.users_since is not None and r.phase is not RolloutPhase.DEGRADED for r in rollouts)
        or any(_reached(state.services[name], mine, seen.of(name)) for name, mine in who.items())
        or any(_works(state.services[name], seen.of(name)) for name in state.services)
    )


def _reached(service: ServiceState, who: users.Users, copies: list[CopySeen]) -> bool:
    """Whether a version that is not stable has traffic, and somebody ready to take it."""
    if service.stable is None and service.canary is None:
        return False
    others = users.reached(service, who) - {service.stable}
    return any(copy.ready and copy.label in others for copy in copies)


def _works(service: ServiceState, copies: list[CopySeen]) -> bool:
    """Whether a worker runs at another version than its stable one."""
    if service.stable is None and service.canary is None:
        return False
    workers = {label for label, v in service.versions.items() if v.run.kind is ServiceKind.WORKER}
    there = service.serving | {copy.label for copy in copies if copy.serves}
    return bool(workers & there - {service.stable})


def _active(snapshot: Snapshot) -> Deployment | None:
    deployment = snapshot.deployment
    return deployment if deployment is not None and not deployment.ended else None


def _goes_back(active: Deployment) -> bool:
    return active.kind is not Kind.DEPLOY and active.phase is not Phase.ABORTING


def _versions(release: Release) -> dict[str, str]:
    return {name: version.label for name, version in release.versions.items()}
