"""What can be asked of an environment, for the API: each call is one act, recorded with its author."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from carelane.base.clock import Clock
from carelane.base.errors import (
    ConflictError,
    InputError,
    InvariantError,
    NotFoundError,
    RefusedError,
    Rejected,
)
from carelane.delivery import verification
from carelane.delivery.decisions import commands
from carelane.delivery.decisions.commands import Request
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Deployment, Kind, Phase, Revision
from carelane.delivery.engine import Engine
from carelane.delivery.ports import Artifacts, RolloutRepository
from carelane.delivery.releases import Release

WHOLE_HISTORY = 1000


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

    def engine(self, environment: str) -> Engine:
        """The engine of *environment*; raises NotFoundError."""
        try:
            return self._engines[environment]
        except KeyError:
            known = ", ".join(self._engines)
            raise NotFoundError(f"no environment {environment!r}", hint=f"there are: {known}") from None

    def deploy(self, environment: str, release: str, author: str, reason: str) -> Outcome:
        """Put *release* into *environment*."""
        engine = self.engine(environment)
        wanted = self._repository.release(release)
        state = self._repository.snapshot(environment)
        active = state.deployment
        moving = active is not None and not active.ended
        if (
            moving
            and active is not None
            and active.release == wanted.name
            and active.phase is not Phase.ABORTING
        ):
            return Outcome(active, f"deployment {active.id} of {wanted.name} is under way already")
        if not moving and state.state.release == wanted.name:
            return Outcome(None, f"{environment} has {wanted.name} already: nothing to do")
        self._refuse_going_past(environment, wanted)
        self._verify(wanted)
        return self._request(engine, Kind.DEPLOY, wanted, author, reason)

    def rollback(self, environment: str, to_revision: int | None, author: str, reason: str) -> Outcome:
        """Put an earlier revision back: the last that was not itself undone, or the one named."""
        engine = self.engine(environment)
        _require(reason)
        number, release = self._way_back(environment, to_revision)
        self._verify(release)
        return self._request(engine, Kind.ROLLBACK, release, author, reason, number)

    def retry(self, environment: str, author: str) -> Outcome:
        """Ask once more for the release whose deployment failed or was cancelled."""
        self.engine(environment)
        last = next(iter(self._repository.deployments(environment, 1)), None)
        if last is None or last.phase not in {Phase.FAILED, Phase.CANCELLED}:
            where = f"the last deployment is {last.phase}" if last else "nothing was deployed yet"
            raise ConflictError(f"nothing to retry in {environment}: {where}")
        reason = f"retry of deployment {last.id}"
        if last.kind is not Kind.DEPLOY:
            return self.rollback(environment, last.to_revision, author, reason)
        return self.deploy(environment, last.release, author, reason)

    def pause(self, environment: str, author: str, reason: str) -> Deployment:
        """Hold the deployment under way."""
        return self._change(environment, lambda d: commands.pause(d, author, reason))

    def resume(self, environment: str, author: str, reason: str) -> Deployment:
        """Let a held deployment go on."""
        return self._change(environment, lambda d: commands.resume(d, author, reason))

    def abort(self, environment: str, author: str, reason: str) -> Deployment:
        """Turn the deployment under way back."""
        return self._change(environment, lambda d: commands.abort(d, author, reason))

    def emergency_rollback(self, environment: str, author: str, reason: str) -> Outcome:
        """Leave the bad version in one routing change; each part is timed, in milliseconds.

        While a deployment is under way, that is to its stable version; else to the last revision
        that was not undone.
        """
        engine = self.engine(environment)
        _require(reason)
        timings: dict[str, float] = {}
        with self._timed(timings, "check"):
            target, release = self._way_back(environment, None)
            self._verify(release)
        with self._timed(timings, "switch"):
            outcome = self._request(engine, Kind.EMERGENCY, release, author, reason, target)
        deployment = _made(outcome)
        message = f"NOT switched yet: nothing of {release.name} was ready, it is being started"
        noted = ""
        if deployment.phase is Phase.SUCCEEDED:
            with self._timed(timings, "verify"):
                message = noted = self._verified(engine, release, deployment)
        self._repository.note_timings(deployment.id, timings, noted)
        return Outcome(self._repository.deployment(deployment.id), message)

    def _verified(self, engine: Engine, release: Release, deployment: Deployment) -> str:
        try:
            return verification.in_place(engine.platform.router, release, self._clock)
        except Rejected as error:
            self._repository.note_timings(deployment.id, {}, error.message)
            raise

    def target(self, environment: str, to_revision: int | None) -> Revision:
        """The revision a rollback goes to; refused where an irreversible release lies between."""
        history = self._repository.revisions(
            environment, self.engine(environment).policy.rollback.revision_history
        )
        if not history:
            raise NotFoundError(f"{environment} has no history yet", hint="deploy a release first")
        now, earlier = history[0], history[1:]
        if to_revision is not None:
            chosen = next((r for r in history if r.number == to_revision), None)
        else:
            chosen = next((r for r in earlier if r.undone_by is None and r.release != now.release), None)
        if chosen is None:
            raise _no_revision(environment, to_revision, history)
        if chosen.release == now.release:
            raise ConflictError(f"{environment} has {now.release} (revision {chosen.number}) already")
        self._refuse_irreversible(history, chosen)
        return chosen

    def _refuse_irreversible(self, history: list[Revision], target: Revision) -> None:
        passed = {r.release for r in history if r.number > target.number} - {target.release}
        for name in sorted(passed):
            if self._repository.release(name).irreversible:
                raise RefusedError(
                    f"{name} is irreversible: nothing before it can read its data",
                    hint="fix forward: deploy a release that mends it",
                )

    def _refuse_going_past(self, environment: str, wanted: Release) -> None:
        """An earlier release is no way round an irreversible one either."""
        history = self._repository.revisions(environment, WHOLE_HISTORY)
        known = next((r for r in history if r.release == wanted.name), None)
        if known is not None:
            self._refuse_irreversible(history, known)

    def _way_back(self, environment: str, to_revision: int | None) -> tuple[int | None, Release]:
        """Where a rollback goes: while something is moving, to what is stable; else to a revision."""
        snapshot = self._repository.snapshot(environment)
        moving = snapshot.deployment is not None and not snapshot.deployment.ended
        if moving and to_revision is None and snapshot.state.release is not None:
            return None, self._repository.release(snapshot.state.release)
        target = self.target(environment, to_revision)
        return target.number, self._repository.release(target.release)

    @contextmanager
    def _timed(self, timings_ms: dict[str, float], part: str) -> Iterator[None]:
        started = self._clock.monotonic()
        yield
        timings_ms[part] = round((self._clock.monotonic() - started) * 1000, 2)

    def _verify(self, release: Release) -> None:
        for version in release.versions.values():
            self._artifacts.verify(version.artifact)

    def _request(
        self,
        engine: Engine,
        kind: Kind,
        release: Release,
        author: str,
        reason: str,
        to_revision: int | None = None,
    ) -> Outcome:
        wanted = Request(self._repository.reserve_deployment(), release, author, reason, kind, to_revision)
        step = commands.emergency if kind is Kind.EMERGENCY else commands.request
        engine.command(lambda draft: step(draft, wanted))
        return Outcome(self._repository.deployment(wanted.id), f"deployment {wanted.id} of {release.name}")

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


def _no_revision(environment: str, number: int | None, history: list[Revision]) -> NotFoundError:
    if number is None:
        return NotFoundError(
            f"{environment} has no earlier revision to go back to that was not itself undone",
            hint="name one with --to-revision; `carelane history` lists them",
        )
    kept = f"{history[-1].number} to {history[0].number}"
    return NotFoundError(f"{environment} has no revision {number}", hint=f"kept are {kept}")
