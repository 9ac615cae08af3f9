"""Going back: rollback and emergency rollback, where they would go, and what came of them in truth."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from carelane.base.clock import Clock
from carelane.base.errors import (
    CarelaneError,
    ConflictError,
    InputError,
    InvariantError,
    MovedMeanwhile,
)
from carelane.delivery import requesting
from carelane.delivery.decisions import commands, incidents
from carelane.delivery.decisions.draft import Draft, Snapshot
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind, Phase
from carelane.delivery.engine import Engine
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.history import History, Target, Way, has_users, past_words
from carelane.delivery.ports import Artifacts, RolloutRepository
from carelane.delivery.releases import has_changed
from carelane.delivery.requesting import Check, Outcome
from carelane.delivery.standings import EmergencyOutcome, Standings, dropped

LOOKED_AT = 20
"""Deployments that may have been begun since somebody has gone back."""
ONCE_MORE_SECONDS = 60.0
"""How long after an undo the next one has to say what it leaves: who asks may not have seen that one."""


@dataclass(frozen=True)
class _LookedUp:
    """Where it goes, and by what: what was recorded and under way, and whether that had users.

    *changed* says it where what is under way has changed the data for good.
    """

    target: Target
    state: EnvironmentState
    users: bool
    left: Deployment | None
    changed: str = ""


@dataclass(frozen=True)
class _Asked:
    """Who wants it, why, and under which number."""

    number: int
    author: str
    reason: str


class Undoing:
    """The two rollbacks of all environments."""

    def __init__(self, repository: RolloutRepository, artifacts: Artifacts, clock: Clock) -> None:
        self._repository = repository
        self._artifacts = artifacts
        self._clock = clock
        self._history = History(repository)
        self._standings = Standings(repository, artifacts, clock)

    def _look_up(self, engine: Engine, way: Way) -> _LookedUp:
        """Where *way* leads in the environment of *engine* as things are now."""
        snapshot, seen = self._repository.snapshot(engine.environment), engine.seen
        target = self._history.way_back(snapshot, seen, way)
        if target.release.name != snapshot.state.release:
            self._refuse_once_more(snapshot.state, way)
        users, changed = has_users(snapshot, seen), _changed(snapshot, target)
        return _LookedUp(target, snapshot.state, users, snapshot.deployment, changed)

    def _refuse_once_more(self, state: EnvironmentState, way: Way) -> None:
        """Two people who see the same bad version, or one who presses twice, go back once.

        Who names what is left, or where to go, has seen that somebody has just gone back. What a pipeline has
        deployed since, and nobody has yet, makes no difference.
        """
        undone = (d for d in self._repository.deployments(state.name, LOOKED_AT) if d.kind is not Kind.DEPLOY)
        last = next(undone, None)
        named = way.to_revision is not None or state.release in way.past
        if last is None or last.finished_at is None or named:
            return
        if last.phase in {Phase.FAILED, Phase.CANCELLED} and not last.left:
            return  # it was given up before it had left anything
        ago = (self._clock.now() - last.finished_at).total_seconds()
        if last.release == state.release and ago < ONCE_MORE_SECONDS:
            undo = "emergency rollback" if last.kind is Kind.EMERGENCY else "rollback"
            known = past_words(way.past, [last.release])
            raise ConflictError(
                f"{state.name} is on {last.release} since {last.finished_at:%H:%M:%S} UTC"
                f" by {last.author}'s {undo} {last.id}",
                hint=f"to go back once more, to before {last.release}, say {known}",
            )

    def plan(self, engine: Engine, way: Way) -> Outcome:
        """The deployment that going back would make, decided as it would be and not recorded."""
        engine.refuse_ended()
        draft = engine.draft(self._repository.snapshot(engine.environment))
        looked_up = self._look_up(engine, way)
        target = looked_up.target
        there = commands.already(draft.snapshot, target.release, way.kind)
        if there is not None:
            return Outcome(draft.deployment, there)
        commands.request(draft, Request(0, target.release, "", "", way.kind, target.revision))
        lacking = self._standings.lacking(draft)
        return Outcome(draft.current(), f"{_where(target, draft)}{looked_up.changed}{lacking}")

    def rollback(self, engine: Engine, way: Way, author: str, reason: str) -> Outcome:
        """Put an earlier revision back."""
        require(reason)
        looked_up = self._look_up(engine, way)
        target = looked_up.target
        for artifact in {version.artifact for version in target.release.versions.values()}:
            self._artifacts.verify(artifact)
        own = self._repository.reserve_deployment()
        wanted = Request(own, target.release, author, reason, way.kind, target.revision)
        check = self._still_the_way(way, looked_up)
        return requesting.ask(engine, self._repository, wanted, check)

    def emergency(self, engine: Engine, way: Way, author: str, reason: str) -> EmergencyOutcome:
        """Leave the bad version in one routing change; each part is timed, in milliseconds.

        What runs needs no archive: only where something has to be started is it looked at, and what is
        wrong with it is said, not refused.
        """
        require(reason)
        timings: dict[str, float] = {}
        with self._timed(timings, "check"):
            engine.look()
            looked_up = self._look_up(engine, way)
        with self._timed(timings, "switch"):
            own = engine.with_room(self._repository.reserve_deployment)
            asked = _Asked(own, author, reason)
            target, made = self._ask_until_decided(engine, way, looked_up, asked)
        gone = dropped(looked_up.state, looked_up.left, target.release)
        with self._timed(timings, "verify"):
            outcome = self._standings.just_made(engine, made, target, gone)
        warned = looked_up.changed
        outcome = replace(outcome, message=f"{outcome.message}{warned}", warning=warned.removeprefix("; "))
        self._settle(engine, made, timings, outcome)
        return replace(outcome, deployment=self._repository.deployment(made.id))

    def standing(self, engine: Engine, made: Deployment) -> EmergencyOutcome:
        """How far the emergency *made* has come by now, each service for itself, and verified anew."""
        return replace(self._standings.by_now(engine, made), deployment=made)

    def _ask_until_decided(
        self, engine: Engine, way: Way, looked_up: _LookedUp, asked: _Asked
    ) -> tuple[Target, Deployment]:
        """Where it went, and the deployment: what is seen may change meanwhile, and refuses nothing.

        But for another undo that was done meanwhile: see `_refuse_once_more`.
        """
        while True:
            target = looked_up.target
            wanted = Request(
                asked.number, target.release, asked.author, asked.reason, way.kind, target.revision
            )
            try:
                check = self._still_the_way(way, looked_up)
                made = requesting.ask(engine, self._repository, wanted, check).deployment
            except MovedMeanwhile:
                looked_up = self._look_up(engine, way)
                continue
            if made is None:
                raise InvariantError("an emergency made no deployment")
            return target, made

    def _settle(
        self, engine: Engine, made: Deployment, timings: Mapping[str, float], outcome: EmergencyOutcome
    ) -> None:
        """End it in the record as well, where it is in force.

        It was switched and recorded: what fails now is reported, and the next tick's business.
        """
        message = outcome.message if outcome.switched else ""
        try:
            if outcome.switched and not made.ended:
                engine.go_on()
            if outcome.verified is False:
                engine.command(lambda draft: _note_unwell(draft, outcome), unseen=True, looked=True)
            engine.with_room(lambda: self._repository.note_timings(made.id, timings, message))
        except CarelaneError as error:
            engine.report(error)

    def _still_the_way(self, way: Way, looked_up: _LookedUp) -> Check:
        """A check, made where it is decided, that two rollbacks at once do not go two revisions back."""

        def check(draft: Draft) -> None:
            state = draft.snapshot.state
            if state == looked_up.state and has_users(draft.snapshot, draft.seen) == looked_up.users:
                return  # as it was looked up: nobody in an emergency waits for the history twice
            now = self._history.way_back(draft.snapshot, draft.seen, way).release
            if now.name != looked_up.target.release.name:
                raise MovedMeanwhile(
                    f"{state.name} has moved meanwhile: the way back is {now.name} now",
                    hint="see `carelane history`, then ask again if it is still wanted",
                )

        return check

    @contextmanager
    def _timed(self, timings_ms: dict[str, float], part: str) -> Iterator[None]:
        started = self._clock.monotonic()
        yield
        timings_ms[part] = round((self._clock.monotonic() - started) * 1000, 2)


def _note_unwell(draft: Draft, outcome: EmergencyOutcome) -> None:
    """Users are where somebody wanted them, and not well: that is an incident of its own."""
    for name, standing in outcome.services.items():
        if standing.verified is False:
            incidents.unwell(draft, name, standing.to_label, f"{name}: {standing.words}")


def require(reason: str) -> None:
    """Raises InputError where no *reason* is given."""
    if not reason.strip():
        raise InputError("a rollback needs a reason", hint='add --reason "why"')


def _changed(snapshot: Snapshot, target: Target) -> str:
    """A warning where what is under way is irreversible and has migrated; empty where not."""
    names = [name for name in snapshot.changed_for_good if name != target.release.name]
    if not names:
        return ""
    return f"; {has_changed(names)}, which {target.release.name} gets now"


def _where(target: Target, draft: Draft) -> str:
    revision = "" if target.revision is None else f" (revision {target.revision})"
    current = draft.current()
    left = draft.snapshot.deployment
    under_way = "" if left is None or left.ended else f", ending deployment {left.id} of {left.release}"
    moved = [f"{n} {r.from_label or 'nothing'} -> {r.to_label}" for n, r in current.rollouts.items()]
    gone = dropped(draft.snapshot.state, left, target.release)
    moved += [f"{name} {label} -> nothing" for name, label in gone.items()]
    return (
        f"{current.environment} would go back to {current.release}{revision}{under_way}: {', '.join(moved)}"
    )
