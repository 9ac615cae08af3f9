"""What of the past is kept: by number, by age, and what an environment may still need. Pure.

Never superfluous are the trail, releases, deployments, revisions, incidents and the evidence of analyses:
they say what happened.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from carelane.delivery.deployments import Revision
from carelane.delivery.releases import Artifact, Release, ServiceVersion


@dataclass(frozen=True)
class Retention:
    """What is kept beside what an environment needs.

    The artifacts of the newest *releases* and of those of the last *days*; logs and what was damaged for
    *days*; what an analysis saw, window by window, for *analyses_days*.
    """

    releases: int = 20
    days: int = 30
    analyses_days: int = 90


@dataclass(frozen=True)
class Kept:
    """What somebody may still need: these *artifacts*, and what is younger than these moments."""

    artifacts: frozenset[Artifact]
    since: datetime
    analyses_since: datetime


@dataclass(frozen=True)
class Spare:
    """Something that nobody needs: on which shelf, what it is, its name there, and what it takes."""

    shelf: str
    what: str
    name: str
    bytes: int


class Shelf(Protocol):
    """Somewhere where things are kept for as long as somebody may need them."""

    @property
    def name(self) -> str:
        """What it is called, as in `Spare`."""
        ...

    def spare(self, kept: Kept) -> Sequence[Spare]:
        """What there is and is not *kept*; nothing that was made or asked for within the last hour."""
        ...

    def remove(self, spare: Spare) -> None:
        """Remove it, unless somebody has asked for it since. One that is gone is removed already.

        Raises:
            PlatformError: If it cannot be removed.
        """
        ...


Find = Callable[[str], Release | None]
"""The release of a name; None where it is known no more."""


@dataclass(frozen=True)
class Environment:
    """What one environment may need: the versions it has, and its revisions, newest first.

    *revision_history* of them can be named to be gone back to.
    """

    name: str
    versions: Sequence[ServiceVersion]
    revisions: Sequence[Revision]
    revision_history: int


def kept(
    retention: Retention,
    environments: Iterable[Environment],
    releases: Sequence[Release],
    find: Find,
    now: datetime,
) -> Kept:
    """What may still be needed.

    Args:
        retention: How much.
        environments: All of them, also those that are described no more.
        releases: The newest first, at least as many as are kept by number or age.
        find: Those that revisions brought.
        now: By the clock of the day.
    """
    since = now - timedelta(days=retention.days)
    young = [r for place, r in enumerate(releases) if place < retention.releases or r.created_at >= since]
    artifacts = {version.artifact for release in young for version in _versions(release)}
    for environment in environments:
        artifacts |= {version.artifact for version in environment.versions}
        for release in gone_back_to(environment, find):
            artifacts |= {version.artifact for version in _versions(release)}
    return Kept(frozenset(artifacts), since, now - timedelta(days=retention.analyses_days))


def gone_back_to(environment: Environment, find: Find) -> list[Release]:
    """What can be gone back to: the revisions that can be named, and as many that were not undone.

    Of these only each that differs in a service counts: a way back is past all that change nothing.
    """
    many = environment.revision_history + 1
    found = {r.release: find(r.release) for r in environment.revisions[:many]}
    differing: set[frozenset[tuple[str, str]]] = set()
    for revision in (r for r in environment.revisions if r.undone_by is None):
        if len(differing) == many:
            break
        release = found.setdefault(revision.release, find(revision.release))
        if release is not None:
            versions = release.within(environment.name).versions.items()
            differing.add(frozenset((name, version.label) for name, version in versions))
    return [release for release in found.values() if release is not None]


def _versions(release: Release) -> list[ServiceVersion]:
    """The versions of every environment; they have the same artifacts, unless one was left as it was."""
    own = [version for versions in release.by_environment.values() for version in versions.values()]
    return [*release.versions.values(), *own]
