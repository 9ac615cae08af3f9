"""Going back: rollback and emergency rollback, where they would go, and what came of them in truth."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from carelane.base.clock import Clock
from carelane.base.errors import (
    CarelaneError,
    ConflictError,
    InputError,
    InvariantError,
    MovedMeanwhile,
    PlatformError,
)
from carelane.delivery import requesting, verification
from carelane.delivery.decisions import commands, emergencies, failing, incidents, leaving
from carelane.delivery.decisions.draft import Draft, Snapshot
from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind, Phase, Rollout
from carelane.delivery.engine import Engine
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.history import History, Target, Way, has_users, past_words
from carelane.delivery.ports import Artifacts, RolloutRepository
from carelane.delivery.releases import Release, has_changed
from carelane.delivery.requesting import Check, Outcome
from carelane.delivery.verification import InPlace

LOOKED_AT = 20
"""Deployments that may have been begun since somebody has gone back."""
NOBODY = "nobody of it is ready"
ONCE_MORE_SECONDS = 60.0
"""How long after an undo the next one has to say what it leaves: who asks may not have seen that one."""


@dataclass(frozen=True)
class ServiceStanding:
    """How far an emergency has come with one service: what was done, what is still done, what was verified.

    *verified* is None where nothing was or could be asked.
    """

    standing: Standing
    from_label: str | None
    to_label: str | None
    words: str
    verified: bool | None = None


@dataclass(frozen=True)
class EmergencyOutcome:
    """What an emergency came to.

    *switched* says whether every service that takes requests was switched and the proxies took it;
    *verified* whether all that can be asked answered rightly, None where there is nothing to ask. *warning*
    says what who went back should know of the data.
    """

    deployment: Deployment | None
    message: str
    switched: bool
    verified: bool | None
    services: Mapping[str, ServiceStanding] = field(default_factory=dict)
    warning: str = ""


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
        return Outcome(draft.current(), f"{_where(target, draft)}{looked_up.changed}")

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
        services = self._standings(engine, made, target, looked_up)
        with self._timed(timings, "verify"):
            found = self._found(engine, target.release, services)
        unwell = self._unwell(engine, target.release, services, found)
        outcome = _told({**services, **unwell}, found)
        warned = looked_up.changed
        outcome = replace(outcome, message=f"{outcome.message}{warned}", warning=warned.removeprefix("; "))
        self._settle(engine, made, timings, outcome)
        return replace(outcome, deployment=self._repository.deployment(made.id))

    def standing(self, engine: Engine, made: Deployment) -> EmergencyOutcome:
        """How far the emergency *made* has come by now, each service for itself, and verified anew."""
        release = self._repository.release_named(made.release).within(made.environment)
        draft = engine.draft(self._repository.snapshot(engine.environment))
        draft.deployment, draft.release = made, release
        services = {n: self._standing(draft, rollout, stays=False) for n, rollout in made.rollouts.items()}
        staying = {} if made.ended else leaving.still_there(draft)
        for name, label in {**made.taken_out, **staying}.items():
            services[name] = _leaving(draft, name, label)
        found = self._found(engine, release, services)
        outcome = _told({**services, **self._unwell(engine, release, services, found)}, found)
        return replace(outcome, deployment=made)

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

    def _standings(
        self, engine: Engine, made: Deployment, target: Target, looked_up: _LookedUp
    ) -> dict[str, ServiceStanding]:
        draft = engine.draft(self._repository.snapshot(engine.environment))
        draft.deployment, draft.release = made, target.release
        rollouts = made.rollouts.items()
        standings = {n: self._standing(draft, rollout, stays=target.stays) for n, rollout in rollouts}
        for name, label in _dropped(looked_up.state, looked_up.left, target.release).items():
            standings[name] = _leaving(draft, name, label)
        return standings

    def _standing(self, draft: Draft, rollout: Rollout, *, stays: bool) -> ServiceStanding:
        standing = emergencies.standing(draft, rollout)
        words = f"switched to {rollout.to_label}"
        if stays:
            words = f"users stay on {rollout.to_label}: nobody had {rollout.from_label}, which ends"
        elif standing is Standing.REPLACED:
            words = f"replaced by {rollout.to_label}"
        elif standing is Standing.REPLACING:
            first = f"{rollout.from_label} ends, then " if rollout.from_label is not None else ""
            words = f"{first}{rollout.to_label} is started"
        elif standing is Standing.FOLLOWING:
            words = self._following(draft, rollout)
        return ServiceStanding(standing, rollout.from_label, rollout.to_label, words)

    def _following(self, draft: Draft, rollout: Rollout) -> str:
        """How much of the version to go back to is ready, and what is known against the rest."""
        if rollout.phase in leaving.ARRIVED:
            return f"NOT switched yet: {rollout.to_label} is ready, another service has its paths still"
        if not draft.seen.visible:
            return "NOT switched yet: the proxies do not answer; it is switched as soon as they do"
        name, label = rollout.service, rollout.to_label
        ready = draft.ready(name, label)
        said = f"{ready} of {draft.size(name)} instances of {label} ready"
        part = "in part: users follow as more get ready" if ready else "yet: they are being started"
        return f"NOT switched {part}, {said}{self._lacking(draft, rollout)}{_instead(draft, rollout)}"

    def _lacking(self, draft: Draft, rollout: Rollout) -> str:
        try:
            self._artifacts.verify(draft.wanted(rollout).artifact, quick=True)
        except PlatformError as error:
            return f"; {error.message}"
        return ""

    def _found(self, engine: Engine, release: Release, services: Mapping[str, ServiceStanding]) -> InPlace:
        """Whether the proxies took it, and what the front door answers for what was switched, or stays.

        What did not have to be switched may be what is wrong.
        """
        done = [
            version
            for name, version in release.versions.items()
            if name not in services or services[name].standing is Standing.SWITCHED
        ]
        found = verification.in_place(engine.platform.router, done, self._clock)
        if found.rejected or found.untaken:
            return found
        draft = engine.draft(self._repository.snapshot(engine.environment))
        wrong = {
            name: found.services[name].wrong or _lost(draft, name, version.label)
            for name, version in release.versions.items()
            if name not in services
        }
        lost = {name: replace(found.services[name], wrong=why) for name, why in wrong.items() if why}
        return replace(found, services={**found.services, **lost})

    def _unwell(
        self, engine: Engine, release: Release, services: Mapping[str, ServiceStanding], found: InPlace
    ) -> dict[str, ServiceStanding]:
        """The services that did not have to be switched, and are not well: users are not rescued by this."""
        labels = {
            name: version.label
            for name, version in release.versions.items()
            if name not in services and name in found.services and found.services[name].wrong
        }
        further = f" (ask again with --past {release.name} to leave it too)" if labels else ""
        if labels and not self._leads_further(engine, release):
            further = ""
        words = {name: f"{label} as before{further}" for name, label in labels.items()}
        return {n: ServiceStanding(Standing.UNCHANGED, None, labels[n], said) for n, said in words.items()}

    def _leads_further(self, engine: Engine, release: Release) -> bool:
        """Whether there is anything before *release* to go back to."""
        way = Way(Kind.EMERGENCY, past=frozenset({release.name}))
        try:
            self._history.way_back(self._repository.snapshot(engine.environment), engine.seen, way)
        except CarelaneError:
            return False
        return True

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


def _lost(draft: Draft, service: str, label: str) -> str:
    """What is known against a service that stays as it is, which nobody had to switch; "" if nothing."""
    crash = failing.crashes(draft, service, label)
    if crash is not None:
        return str(crash)
    return NOBODY if draft.seen.visible and not draft.ready(service, label) else ""


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


def _instead(draft: Draft, rollout: Rollout) -> str:
    """Who else would be ready at once, where nobody is of the version that is gone back to."""
    name = rollout.service
    if draft.ready(name, rollout.to_label):
        return ""
    others = [label for label in draft.service(name).kept_warm if label != rollout.to_label]
    ready = sorted(label for label in others if any(c.ready for c in draft.staying(name, label)))
    release = draft.current().release
    return f"; {' and '.join(ready)} is ready: --past {release} goes on to before {release}" if ready else ""


def _where(target: Target, draft: Draft) -> str:
    revision = "" if target.revision is None else f" (revision {target.revision})"
    current = draft.current()
    left = draft.snapshot.deployment
    under_way = "" if left is None or left.ended else f", ending deployment {left.id} of {left.release}"
    moved = [f"{n} {r.from_label or 'nothing'} -> {r.to_label}" for n, r in current.rollouts.items()]
    gone = _dropped(draft.snapshot.state, left, target.release)
    moved += [f"{name} {label} -> nothing" for name, label in gone.items()]
    return (
        f"{current.environment} would go back to {current.release}{revision}{under_way}: {', '.join(moved)}"
    )


def _dropped(before: EnvironmentState, left: Deployment | None, release: Release) -> dict[str, str]:
    """The services that ran, or were on their way in what is *left*, and that *release* does not have."""
    on_its_way = left.rollouts if left is not None and not left.ended else {}
    there = {name: rollout.to_label for name, rollout in on_its_way.items() if rollout.begun}
    there |= {name: s.canary for name, s in before.services.items() if s.canary is not None}
    there |= {name: version.label for name, version in before.running.items()}
    return {name: label for name, label in there.items() if name not in release.versions}


def _leaving(draft: Draft, name: str, label: str) -> ServiceStanding:
    release = draft.current().release
    if name in leaving.still_there(draft):
        who = " and ".join(leaving.successors(draft, name))
        words = f"NOT left yet: {release} does not have it, it has its users until {who} is ready"
        return ServiceStanding(Standing.LEAVING, label, None, words)
    words = f"taken out: {release} does not have it"
    return ServiceStanding(Standing.TAKEN_OUT, label, None, words)


def _told(services: Mapping[str, ServiceStanding], found: InPlace) -> EmergencyOutcome:
    """What is true of all services, in one sentence each, and together."""
    verified = found.services
    services = {
        name: replace(
            standing,
            verified=verified[name].well if name in verified else None,
            words=f"{standing.words}{_verification(name, verified)}",
        )
        for name, standing in services.items()
    }
    rejected, taken = found.rejected, not (found.rejected or found.untaken)
    followed = [s for s in services.values() if s.standing in {Standing.FOLLOWING, Standing.LEAVING}]
    answers = [s.verified for s in services.values() if s.verified is not None]
    message = "; ".join(f"{name}: {standing.words}" for name, standing in services.items())
    if rejected:
        message = f"NOT switched: {rejected}; users have what they had, it goes on being tried"
    elif not taken:
        message = f"NOT in force yet: the proxies have not taken the routing; {message}"
    return EmergencyOutcome(
        None, message, taken and not followed, all(answers) if answers else None, services
    )


def _verification(name: str, verified: Mapping[str, verification.Verified]) -> str:
    asked = verified.get(name)
    if asked is None:
        return ""
    if asked.wrong:
        return f", NOT verified: {asked.wrong}"
    if not asked.paths:
        return ", with no health or version path to verify it by"
    return f", verified: {', '.join(asked.paths)}"
