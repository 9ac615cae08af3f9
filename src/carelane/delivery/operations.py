"""What can be asked of an environment, for the API: each call is one act, recorded with its author."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from carelane.base.clock import Clock
from carelane.base.errors import ConflictError, InputError, InvariantError, NotFoundError, Rejected
from carelane.delivery import strategies, verification
from carelane.delivery.decisions import commands
from carelane.delivery.decisions.commands import Request
from carelane.delivery.decisions.draft import Draft, Snapshot
from carelane.delivery.deployments import Deployment, Kind, Phase
from carelane.delivery.engine import Engine
from carelane.delivery.history import History
from carelane.delivery.ports import Artifacts, RolloutRepository
from carelane.delivery.releases import Release

Check = Callable[[Snapshot], None]


@dataclass(frozen=True)
class Outcome:
    """What a request led to; no deployment where nothing was to do, and *message* says so."""

    deployment: Deployment | None
    message: str


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

    def engine(self, environment: str) -> Engine:
        """The engine of *environment*; raises NotFoundError."""
        try:
            return self._engines[environment]
        except KeyError:
            known = ", ".join(self._engines)
            raise NotFoundError(f"no environment {environment!r}", hint=f"there are: {known}") from None

    def deploy(
        self, environment: str, release: str, author: str, reason: str, *, strategy: str | None = None
    ) -> Outcome:
        """Put *release* into *environment*, by its own strategy or the one named."""
        engine = self.engine(environment)
        chosen = None if strategy is None else strategies.named(strategy, engine.policy.strategies)
        wanted = self._repository.release(release)
        there = commands.already(self._repository.snapshot(environment), wanted, Kind.DEPLOY)
        if there is None:
            self._history.refuse_going_past(environment, wanted)
            self._verify(wanted)
        number = self._repository.reserve_deployment()
        return self._request(engine, Request(number, wanted, author, reason, strategy=chosen))

    def plan(self, environment: str, release: str, *, strategy: str | None = None) -> Outcome:
        """What `deploy` would make, decided as it would be and not recorded."""
        engine = self.engine(environment)
        wanted = self._repository.release(release)
        snapshot = self._repository.snapshot(environment)
        there = commands.already(snapshot, wanted, Kind.DEPLOY)
        if there is not None:
            return Outcome(None, there)
        self._history.refuse_going_past(environment, wanted)
        chosen = None if strategy is None else strategies.named(strategy, engine.policy.strategies)
        draft = engine.draft(snapshot)
        commands.request(draft, Request(0, wanted, "", "", strategy=chosen))
        return Outcome(draft.deployment, f"deploying {wanted.name} into {environment} would do this")

    def rollback(self, environment: str, to_revision: int | None, author: str, reason: str) -> Outcome:
        """Put an earlier revision back: the last that was not itself undone, or the one named."""
        engine = self.engine(environment)
        _require(reason)
        number, release = self._way_back(engine, to_revision)
        self._verify(release)
        still = self._still_the_way(engine, to_revision, release)
        own = self._repository.reserve_deployment()
        return self._request(engine, Request(own, release, author, reason, Kind.ROLLBACK, number), still)

    def retry(self, environment: str, author: str) -> Outcome:
        """Ask once more, in the same way, for the release whose deployment failed or was cancelled."""
        self.engine(environment)
        last = next(iter(self._repository.deployments(environment, 1)), None)
        if last is None or last.phase not in {Phase.FAILED, Phase.CANCELLED}:
            where = f"the last deployment is {last.phase}" if last else "nothing was deployed yet"
            raise ConflictError(f"nothing to retry in {environment}: {where}")
        reason = f"retry of deployment {last.id}"
        if last.kind is not Kind.DEPLOY:
            return self.rollback(environment, last.to_revision, author, reason)
        return self.deploy(environment, last.release, author, reason, strategy=last.strategy)

    def pause(self, environment: str, author: str, reason: str) -> Deployment:
        """Hold the deployment under way."""
        return self._change(environment, lambda d: commands.pause(d, author, reason))

    def resume(self, environment: str, author: str, reason: str) -> Deployment:
        """Let a held deployment go on."""
        return self._change(environment, lambda d: commands.resume(d, author, reason))

    def abort(self, environment: str, author: str, reason: str) -> Deployment:
        """Turn the deployment under way back."""
        return self._change(environment, lambda d: commands.abort(d, author, reason))

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

    def emergency_rollback(self, environment: str, author: str, reason: str) -> Outcome:
        """Leave the bad version in one routing change; each part is timed, in milliseconds.

        While a deployment is under way, that is to its stable version; else to the last revision
        that was not undone.
        """
        engine = self.engine(environment)
        _require(reason)
        timings: dict[str, float] = {}
        with self._timed(timings, "check"):
            target, release = self._way_back(engine, None)
            self._verify(release, quick=True)
        still = self._still_the_way(engine, None, release)
        with self._timed(timings, "switch"):
            own = self._repository.reserve_deployment()
            wanted = Request(own, release, author, reason, Kind.EMERGENCY, target)
            outcome = self._request(engine, wanted, still)
        deployment = _made(outcome)
        message = f"NOT switched yet: nothing of {release.name} was ready, it is being started"
        noted = ""
        if deployment.phase is Phase.SUCCEEDED:
            with self._timed(timings, "verify"):
                message = noted = self._verified(engine, release, deployment)
        self._repository.note_timings(deployment.id, timings, noted)
        return Outcome(self._repository.deployment(deployment.id), message)

    def _way_back(self, engine: Engine, to_revision: int | None) -> tuple[int | None, Release]:
        kept = engine.policy.rollback.revision_history
        return self._history.way_back(self._repository.snapshot(engine.environment), kept, to_revision)

    def _verified(self, engine: Engine, release: Release, deployment: Deployment) -> str:
        try:
            return verification.in_place(engine.platform.router, release, self._clock)
        except Rejected as error:
            self._repository.note_timings(deployment.id, {}, error.message)
            raise

    def _still_the_way(self, engine: Engine, to_revision: int | None, release: Release) -> Check:
        """A check, made where it is decided, that two rollbacks at once do not go two revisions back."""

        def check(snapshot: Snapshot) -> None:
            kept = engine.policy.rollback.revision_history
            _, now = self._history.way_back(snapshot, kept, to_revision)
            if now.name != release.name:
                raise ConflictError(
                    f"{engine.environment} has moved meanwhile: the way back is {now.name} now",
                    hint="see `carelane history`, then ask again if it is still wanted",
                )

        return check

    @contextmanager
    def _timed(self, timings_ms: dict[str, float], part: str) -> Iterator[None]:
        started = self._clock.monotonic()
        yield
        timings_ms[part] = round((self._clock.monotonic() - started) * 1000, 2)

    def _verify(self, release: Release, *, quick: bool = False) -> None:
        for artifact in {version.artifact for version in release.versions.values()}:
            self._artifacts.verify(artifact, quick=quick)

    def _request(self, engine: Engine, wanted: Request, check: Check = lambda _: None) -> Outcome:
        """Decide under the engine's lock, so that of two equal requests one finds the other's deployment."""
        step = commands.emergency if wanted.kind is Kind.EMERGENCY else commands.request
        there: list[Outcome] = []

        def decide(draft: Draft) -> None:
            said = commands.already(draft.snapshot, wanted.release, wanted.kind)
            if said is not None:
                there.append(Outcome(draft.deployment, said))
                return
            check(draft.snapshot)
            step(draft, wanted)

        if engine.command(decide) is None and there:
            return there[-1]
        return Outcome(
            self._repository.deployment(wanted.id), f"deployment {wanted.id} of {wanted.release.name}"
        )

    def _change(self, environment: str, change: Callable[[Draft], None]) -> Deployment:
        decision = self.engine(environment).command(change)
        if decision is None or not decision.deployments:
            raise InvariantError("a change to the deployment under way recorded nothing")
        return self._repository.deployment(decision.deployments[-1].id)


def _require(reason: str) -> None:
    if not reason.strip():
        raise InputError("a rollback needs a reason", hint='add --reason "why"')


def _made(outcome: Outcome) -> Deployment:
    if outcome.deployment is None:
        raise InvariantError("the request made no deployment")
    return outcome.deployment
