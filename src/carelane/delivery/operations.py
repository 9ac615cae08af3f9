"""What can be asked of an environment, for the API: each call is one act, recorded with its author."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from carelane.audit.entries import Entry
from carelane.base.clock import Clock
from carelane.base.errors import (
    ConflictError,
    InvariantError,
    NotFoundError,
    PlatformError,
    RefusedError,
)
from carelane.delivery import requesting, strategies
from carelane.delivery.decisions import commands, running, superseding, weakening
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind, Phase
from carelane.delivery.engine import Engine
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.history import History, Way, ever_further
from carelane.delivery.ports import Artifacts, RolloutRepository
from carelane.delivery.releases import Release
from carelane.delivery.requesting import Outcome, Wanted
from carelane.delivery.standings import EmergencyOutcome
from carelane.delivery.undoing import Undoing


class Operations:
    """Deploy, hold, end and undo, across all environments."""

    def __init__(
        self, engines: Mapping[str, Engine], repository: RolloutRepository, artifacts: Artifacts, clock: Clock
    ) -> None:
        self._engines = engines
        self._clock = clock
        self._repository = repository
        self._artifacts = artifacts
        self._history = History(repository)
        self._undoing = Undoing(repository, artifacts, clock)

    def engine(self, environment: str) -> Engine:
        """The engine of *environment*; raises NotFoundError."""
        try:
            return self._engines[environment]
        except KeyError:
            known = ", ".join(self._engines)
            raise NotFoundError(f"no environment {environment!r}", hint=f"there are: {known}") from None

    def deploy(
        self,
        environment: str,
        release: str,
        author: str,
        reason: str,
        way: Wanted = Wanted(),  # noqa: B008 - frozen
    ) -> Outcome:
        """Put the *release* that is meant into *environment*, by its own strategy or the one named.

        What somebody goes back from is not brought back where a pipeline asks, by a token.

        Raises:
            RefusedError: If it asks less than the environment's own, and whoever asks may not do that.
        """
        engine = self.engine(environment)
        meant = self._repository.release(release).within(environment)
        wanted = Request(0, meant, author, reason, by_token=way.by_token)
        chosen = None if way.strategy is None else strategies.named(way.strategy, engine.policy.strategies)
        state = self._repository.snapshot(environment).state
        lost = [] if way.may_weaken else weakening.given_up(engine.policy, state, meant, chosen)
        if lost:
            by = "" if way.strategy is None else f" by {way.strategy}"
            with self._refusals(environment, "deploy", author):
                raise RefusedError(
                    f"{author} may not deploy into {environment}{by}, without {' and '.join(lost)}",
                    hint="name no strategy, and keep the names of services; or use a token that may:"
                    " `carelane token create --weaken`",
                )
        return self._deploy(engine, wanted, way.strategy)

    def _deploy(self, engine: Engine, asked: Request, strategy: str | None) -> Outcome:
        environment, wanted = engine.environment, asked.release
        chosen = None if strategy is None else strategies.named(strategy, engine.policy.strategies)
        snapshot = self._repository.snapshot(environment)
        there = commands.already(snapshot, wanted, Kind.DEPLOY)
        returns_to = None
        if there is None:
            returns_to = self._history.returns_to(snapshot, wanted)
            self._verify(wanted)
            engine.platform.workloads.check(wanted.versions.values())
        number = self._repository.reserve_deployment()
        request = replace(asked, id=number, to_revision=returns_to, strategy=chosen)

        def check(draft: Draft) -> None:
            del draft
            if asked.by_token:
                for found in ever_further(lambda most: self._repository.deployments(environment, most)):
                    if superseding.refuse_left(found, wanted):
                        break

        return requesting.ask(engine, self._repository, request, check)

    def plan(self, environment: str, release: str, *, strategy: str | None = None) -> Outcome:
        """What `deploy` would make, decided as it would be and not recorded."""
        engine = self.engine(environment)
        wanted = self._repository.release(release).within(environment)
        snapshot = self._repository.snapshot(environment)
        there = commands.already(snapshot, wanted, Kind.DEPLOY)
        if there is not None:
            return Outcome(None, there)
        self._history.returns_to(snapshot, wanted)
        engine.platform.workloads.check(wanted.versions.values())
        chosen = None if strategy is None else strategies.named(strategy, engine.policy.strategies)
        draft = engine.draft(snapshot)
        commands.request(draft, Request(0, wanted, "", "", strategy=chosen))
        return Outcome(draft.deployment, f"deploying {wanted.name} into {environment} would do this")

    def rollback(
        self,
        environment: str,
        to_revision: int | None,
        author: str,
        reason: str,
        *,
        past: tuple[str, ...] = (),
    ) -> Outcome:
        """Put an earlier revision back: the last that was not itself undone, or the one named."""
        engine = self.engine(environment)
        way = _way(engine, Kind.ROLLBACK, to_revision, past)
        with self._refusals(environment, "rollback", author):
            return self._undoing.rollback(engine, way, author, reason)

    def rollback_plan(
        self, environment: str, kind: Kind, to_revision: int | None = None, *, past: tuple[str, ...] = ()
    ) -> Outcome:
        """Where a rollback or an emergency rollback would go, decided as it would be and not recorded."""
        engine = self.engine(environment)
        return self._undoing.plan(engine, _way(engine, kind, to_revision, past))

    def retry(self, environment: str, author: str) -> Outcome:
        """Ask once more, in the same way, for the release whose deployment failed or was cancelled."""
        engine = self.engine(environment)
        last = next(iter(self._repository.deployments(environment, 1)), None)
        if last is None or last.phase not in {Phase.FAILED, Phase.CANCELLED}:
            where = f"the last deployment is {last.phase}" if last else "nothing was deployed yet"
            raise ConflictError(f"nothing to retry in {environment}: {where}")
        reason = f"retry of deployment {last.id}"
        if last.kind is not Kind.DEPLOY and last.to_revision is not None:
            return self.rollback(environment, last.to_revision, author, reason)
        wanted = self._repository.release_named(last.release).within(environment)
        return self._deploy(engine, Request(0, wanted, author, reason), last.strategy)

    def pause(self, environment: str, author: str, reason: str) -> Deployment:
        """Hold the deployment under way."""
        return self._change(environment, lambda d: commands.pause(d, author, reason))

    def resume(self, environment: str, author: str, reason: str) -> Deployment:
        """Let a held deployment go on."""
        return self._change(environment, lambda d: commands.resume(d, author, reason))

    def abort(self, environment: str, author: str, reason: str) -> Deployment:
        """Turn the deployment under way back."""
        self.engine(environment)
        with self._refusals(environment, "abort", author):
            return self._change(environment, lambda d: commands.abort(d, author, reason), unseen=True)

    def promote(
        self,
        environment: str,
        author: str,
        reason: str,
        *,
        full: bool,
        seen: commands.At = commands.At(),  # noqa: B008 - frozen
    ) -> Deployment:
        """Go past the canary step that waits, which is the one that was *seen*, or past all that are left."""
        return self._change(environment, lambda d: commands.promote(d, author, reason, full=full, seen=seen))

    def scale(
        self, environment: str, service: str, replicas: int | None, author: str, reason: str
    ) -> EnvironmentState:
        """Have so many copies of *service* until the next deployment; None is what the policy says."""
        engine = self.engine(environment)
        engine.command(lambda draft: running.scale(draft, service, replicas, author, reason))
        return self._repository.snapshot(environment).state

    def restart(self, environment: str, service: str, author: str, reason: str) -> EnvironmentState:
        """Renew the copies of *service*, one after the other."""
        self.engine(environment).command(lambda draft: running.restart(draft, service, author, reason))
        return self._repository.snapshot(environment).state

    def emergency_rollback(
        self, environment: str, author: str, reason: str, *, past: tuple[str, ...] = ()
    ) -> EmergencyOutcome:
        """Leave the bad version in one routing change; each part is timed, in milliseconds.

        While a version on its way has users, that is to stable; else to the last revision that was not
        undone and in which a service differs.
        """
        engine = self.engine(environment)
        with self._refusals(environment, "emergency-rollback", author):
            return self._undoing.emergency(engine, _way(engine, Kind.EMERGENCY, None, past), author, reason)

    def emergency_standing(self, number: int) -> EmergencyOutcome:
        """How far emergency rollback *number* has come by now; what was switched is verified anew."""
        deployment = self._repository.deployment(number)
        if deployment.kind is not Kind.EMERGENCY:
            raise ConflictError(f"deployment {number} is no emergency rollback: it is a {deployment.kind}")
        return self._undoing.standing(self.engine(deployment.environment), deployment)

    @contextmanager
    def _refusals(self, environment: str, what: str, author: str) -> Iterator[None]:
        """Who wanted to undo something and was refused, and why, is in the trail too."""
        try:
            yield
        except (RefusedError, NotFoundError, ConflictError) as refused:
            entry = Entry(self._clock.wall(), author, "request.refused", what, environment, refused.message)
            try:
                self._repository.record(entry)
            except PlatformError as error:  # the refusal is what is to be told
                self.engine(environment).report(error)
            raise

    def _verify(self, release: Release) -> None:
        for artifact in {version.artifact for version in release.versions.values()}:
            self._artifacts.verify(artifact)

    def _change(
        self, environment: str, change: Callable[[Draft], None], *, unseen: bool = False
    ) -> Deployment:
        decision = self.engine(environment).command(change, unseen=unseen)
        if decision is None or not decision.deployments:
            raise InvariantError("a change to the deployment under way recorded nothing")
        return self._repository.deployment(decision.deployments[-1].id)


def _way(engine: Engine, kind: Kind, to_revision: int | None, past: tuple[str, ...]) -> Way:
    return Way(kind, engine.policy.rollback.revision_history, to_revision, frozenset(past))
