"""What an emergency has come to, each service for itself: switched, followed, left, verified, or not well."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from carelane.base.clock import Clock
from carelane.base.errors import CarelaneError, PlatformError
from carelane.delivery import verification
from carelane.delivery.decisions import emergencies, failing, leaving
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Deployment, Kind, Rollout
from carelane.delivery.engine import Engine
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.history import History, Target, Way
from carelane.delivery.ports import Artifacts, RolloutRepository
from carelane.delivery.releases import Release, ServiceVersion
from carelane.delivery.verification import InPlace

NOBODY = "nobody of it is ready"


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


class Standings:
    """Looks at what emergencies have come to, in all environments."""

    def __init__(self, repository: RolloutRepository, artifacts: Artifacts, clock: Clock) -> None:
        self._repository = repository
        self._artifacts = artifacts
        self._clock = clock
        self._history = History(repository)

    def just_made(
        self, engine: Engine, made: Deployment, target: Target, gone: Mapping[str, str]
    ) -> EmergencyOutcome:
        """What the emergency *made*, just decided, has come to; *gone* are the services that it takes out."""
        draft = self._draft(engine, made, target.release)
        rollouts = made.rollouts.items()
        services = {n: self._standing(draft, rollout, stays=target.stays) for n, rollout in rollouts}
        services |= {name: _leaving(draft, name, label) for name, label in gone.items()}
        return self._verified(engine, made, target.release, services)

    def by_now(self, engine: Engine, made: Deployment) -> EmergencyOutcome:
        """What the emergency *made* has come to by now, verified anew."""
        release = self._repository.release_named(made.release).within(made.environment)
        draft = self._draft(engine, made, release)
        services = {n: self._standing(draft, rollout, stays=False) for n, rollout in made.rollouts.items()}
        staying = {} if made.ended else leaving.still_there(draft)
        gone = {**made.taken_out, **staying}
        services |= {name: _leaving(draft, name, label) for name, label in gone.items()}
        return self._verified(engine, made, release, services)

    def lacking(self, draft: Draft) -> str:
        """What is known against starting what *draft* goes back to, of what does not run already."""
        rollouts = draft.current().rollouts.items()
        cold = [(name, r) for name, r in rollouts if not draft.staying(name, r.to_label)]
        wanting = [f"; {name} {r.to_label}: {lack}" for name, r in cold if (lack := self._lacking(draft, r))]
        return "".join(wanting)

    def _draft(self, engine: Engine, made: Deployment, release: Release) -> Draft:
        draft = engine.draft(self._repository.snapshot(engine.environment))
        draft.deployment, draft.release = made, release
        return draft

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
        lack = self._lacking(draft, rollout)
        against = f"; {lack}" if lack else ""
        return f"NOT switched {part}, {said}{against}{_instead(draft, rollout)}"

    def _lacking(self, draft: Draft, rollout: Rollout) -> str:
        """What is wrong with the artifact of the version gone back to; "" where nothing is."""
        try:
            self._artifacts.verify(draft.wanted(rollout).artifact, quick=True)
        except PlatformError as error:
            return error.message
        return ""

    def _verified(
        self,
        engine: Engine,
        made: Deployment,
        release: Release,
        services: Mapping[str, ServiceStanding],
    ) -> EmergencyOutcome:
        """*services* as they stand and answer, and those that nobody moved and that are not well."""
        unchanged = {name: v for name, v in release.versions.items() if name not in services}
        moved = [
            version
            for name, version in release.versions.items()
            if name in services and services[name].standing is Standing.SWITCHED
        ]
        found = verification.in_place(engine.platform.router, [*moved, *unchanged.values()], self._clock)
        found = self._overtaken(made) or self._and_lost(engine, unchanged, found)
        unwell = [name for name in unchanged if name in found.services and found.services[name].wrong]
        leads = bool(unwell) and self._leads_further(engine, release)
        further = f" (ask again with --past {release.name} to leave it too)" if leads else ""
        as_before = {name: _as_before(unchanged[name], further) for name in unwell}
        return _told({**services, **as_before}, found)

    def _overtaken(self, made: Deployment) -> InPlace | None:
        """What is to be said instead of answers where something else was asked for since *made*."""
        last = next(iter(self._repository.deployments(made.environment, 1)), made)
        if last.id == made.id:
            return None
        return InPlace({}, overtaken=f"deployment {last.id} of {last.release} was asked for since")

    def _and_lost(self, engine: Engine, unchanged: Mapping[str, ServiceVersion], found: InPlace) -> InPlace:
        """*found*, and what is known against those of *unchanged* that answered nothing wrong."""
        if found.rejected or found.untaken:
            return found
        draft = engine.draft(self._repository.snapshot(engine.environment))
        lost = {
            name: replace(found.services[name], wrong=_lost(draft, version))
            for name, version in unchanged.items()
            if not found.services[name].wrong
        }
        return replace(found, services={**found.services, **lost})

    def _leads_further(self, engine: Engine, release: Release) -> bool:
        """Whether there is anything before *release* to go back to."""
        way = Way(Kind.EMERGENCY, past=frozenset({release.name}))
        try:
            self._history.way_back(self._repository.snapshot(engine.environment), engine.seen, way)
        except CarelaneError:
            return False
        return True


def dropped(before: EnvironmentState, left: Deployment | None, release: Release) -> dict[str, str]:
    """The services that ran, or were on their way in what is *left*, and that *release* does not have."""
    on_its_way = left.rollouts if left is not None and not left.ended else {}
    there = {name: rollout.to_label for name, rollout in on_its_way.items() if rollout.begun}
    there |= {name: s.canary for name, s in before.services.items() if s.canary is not None}
    there |= {name: version.label for name, version in before.running.items()}
    return {name: label for name, label in there.items() if name not in release.versions}


def _as_before(version: ServiceVersion, further: str) -> ServiceStanding:
    return ServiceStanding(Standing.UNCHANGED, None, version.label, f"{version.label} as before{further}")


def _lost(draft: Draft, version: ServiceVersion) -> str:
    """What is known against a version that stays as it is, which nobody had to switch; "" if nothing."""
    crash = failing.crashes(draft, version.service, version.label)
    if crash is not None:
        return str(crash)
    return NOBODY if draft.seen.visible and not draft.ready(version.service, version.label) else ""


def _instead(draft: Draft, rollout: Rollout) -> str:
    """Who else would be ready at once, where nobody is of the version that is gone back to."""
    if draft.ready(rollout.service, rollout.to_label):
        return ""
    ready = sorted(draft.ready_warm(rollout.service) - {rollout.to_label})
    release = draft.current().release
    return f"; {' and '.join(ready)} is ready: --past {release} goes on to before {release}" if ready else ""


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
        message = f"NOT in force as a whole: {rejected}; it goes on being tried; {message}"
    elif found.overtaken:
        message = f"{message}, NOT verified: {found.overtaken}"
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
