"""What is recorded, in dictionaries."""

from collections.abc import Mapping
from dataclasses import replace

from carelane.analysis.measurements import Readings, Window
from carelane.analysis.verdicts import Evidence
from carelane.audit.entries import Entry
from carelane.base.errors import ConflictError, NotFoundError
from carelane.delivery import release_names
from carelane.delivery.analyses import AnalysisRun, Key
from carelane.delivery.decisions.draft import Decision, Snapshot
from carelane.delivery.deployments import Deployment, Revision
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.incidents import Incident
from carelane.delivery.releases import Release
from tests.fakes.trail import InMemoryTrail


class InMemoryRepository:
    """The RolloutRepository port in memory."""

    def __init__(self, trail: InMemoryTrail) -> None:
        self._trail = trail
        self._states: dict[str, EnvironmentState] = {}
        self._deployments: dict[int, Deployment] = {}
        self._timings: dict[int, tuple[dict[str, float], str]] = {}
        self._revisions: list[Revision] = []
        self._releases: dict[str, Release] = {}
        self._analyses: dict[Key, AnalysisRun] = {}
        self._incidents: dict[tuple[str, int], Incident] = {}
        self._reserved = 0
        self.conflicts = 0
        """So many of the next commits come second: somebody else's is recorded before them."""
        self.commits = 0

    # -- environments and decisions

    def snapshot(self, environment: str) -> Snapshot:
        """The environment as recorded."""
        state = self._states.get(environment, EnvironmentState(environment))
        open_ = tuple(i for (_, i) in sorted(self._of(environment)) if i.resolved_at is None)
        if state.deployment is None:
            return Snapshot(state, incidents=open_)
        deployment = self.deployment(state.deployment)
        return Snapshot(state, deployment, self.release_named(deployment.release).within(environment), open_)

    def _of(self, environment: str | None) -> list[tuple[int, Incident]]:
        return [(n, i) for (e, n), i in self._incidents.items() if environment in {None, e}]

    def commit(self, decision: Decision) -> bool:
        """Record it, unless another came first."""
        name = decision.state.name
        known = self._states.get(name, EnvironmentState(name))
        if self.conflicts:
            self.conflicts -= 1
            self._states[name] = replace(known, generation=known.generation + 1)
            return False
        if decision.state.generation != known.generation + 1:
            return False
        self._states[name] = decision.state
        self._deployments |= {d.id: d for d in decision.deployments}
        if decision.revision is not None:
            self._add_revision(decision.revision, decision.undone)
        self._incidents |= {(i.environment, i.number): i for i in decision.incidents}
        self._trail.append(decision.entries)
        self.commits += 1
        return True

    def _add_revision(self, revision: Revision, undone: tuple[int, ...]) -> None:
        self._revisions = [
            replace(r, undone_by=revision.deployment)
            if r.environment == revision.environment and r.number in undone and r.undone_by is None
            else r
            for r in self._revisions
        ]
        self._revisions.append(revision)

    # -- deployments

    def reserve_deployment(self) -> int:
        """The next number."""
        self._reserved += 1
        return self._reserved

    def deployment(self, number: int) -> Deployment:
        """By number."""
        try:
            deployment = self._deployments[number]
        except KeyError:
            raise NotFoundError(f"no deployment {number}") from None
        timings, noted = self._timings.get(number, ({}, ""))
        return replace(
            deployment,
            timings_ms={**deployment.timings_ms, **timings},
            message=deployment.message or noted,
        )

    def deployments(self, environment: str | None, limit: int) -> list[Deployment]:
        """Newest first."""
        found = [
            self.deployment(number)
            for number in sorted(self._deployments, reverse=True)
            if environment in {None, self._deployments[number].environment}
        ]
        return found[:limit]

    def note_timings(self, number: int, timings_ms: Mapping[str, float], message: str) -> None:
        """Add measured parts."""
        known = self.deployment(number)
        self._timings[number] = ({**known.timings_ms, **timings_ms}, message)

    # -- analyses

    def begin_analysis(self, run: AnalysisRun) -> None:
        """Record that it has begun."""
        self._analyses.setdefault(run.key, replace(run, windows=(), sources={}, evidence=None))

    def add_window(
        self, key: Key, window: Window, sources: Mapping[str, Readings], evidence: Evidence
    ) -> None:
        """Record one more window."""
        known = self._analyses[key]
        windows = (*known.windows, window)
        self._analyses[key] = replace(known, windows=windows, sources=sources, evidence=evidence)

    def analysis(self, deployment: int, service: str) -> AnalysisRun | None:
        """What was recorded."""
        return self._analyses.get((deployment, service))

    # -- history and releases

    def revisions(self, environment: str, limit: int) -> list[Revision]:
        """Newest first."""
        return [r for r in reversed(self._revisions) if r.environment == environment][:limit]

    def revision_of(self, environment: str, release: str) -> int | None:
        """The latest revision that brought *release*."""
        found = (r.number for r in self._revisions if (r.environment, r.release) == (environment, release))
        return max(found, default=None)

    def irreversible_after(self, environment: str, revision: int) -> list[str]:
        """Those of later revisions that were not undone, and those that these fix."""
        later = {
            r.release
            for r in self._revisions
            if r.environment == environment and r.number > revision and r.undone_by is None
        }
        for r in self._revisions:
            if r.environment == environment and r.number > revision and r.undone_by is None:
                later |= set(r.fixes)
        known = (self._releases.get(name or "") for name in later)
        return sorted(release.name for release in known if release is not None and release.irreversible)

    def incidents(self, environment: str | None, limit: int) -> list[Incident]:
        """Newest first."""
        found = [incident for _, incident in self._of(environment)]
        return sorted(found, key=lambda i: (i.opened_at, i.number), reverse=True)[:limit]

    def record(self, entry: Entry) -> None:
        """Record it alone."""
        self._trail.append((entry,))

    def add_release(self, release: Release, entry: Entry) -> None:
        """Record it, once."""
        if release.name in self._releases:
            raise ConflictError(f"there is a release {release.name} already")
        self._releases[release.name] = release
        self._trail.append((entry,))

    def release(self, name: str) -> Release:
        """The one that is meant."""
        beginning = release_names.beginning_of_commit(name)
        of_commit = [
            r for r in reversed(self._releases.values()) if beginning and r.commit.startswith(beginning)
        ]
        return release_names.meant(name, self._releases.get(name), of_commit)

    def release_named(self, name: str) -> Release:
        """The one of this very name."""
        try:
            return self._releases[name]
        except KeyError:
            raise NotFoundError(f"no release is named {name!r}") from None

    def releases(self, limit: int) -> list[Release]:
        """Newest first."""
        return list(reversed(self._releases.values()))[:limit]
