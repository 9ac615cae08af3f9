"""Making releases: from a commit, once; deployments never build."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from carelane.audit.entries import Entry
from carelane.base.clock import Clock
from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.delivery import release_names
from carelane.delivery.ports import RolloutRepository
from carelane.delivery.releases import (
    Artifact,
    Release,
    RunConfiguration,
    ServiceVersion,
    WorkflowRunReference,
    labelled,
)

KNOWN_RELEASES = 200
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+")
LONGEST_NAME = 63


@dataclass(frozen=True)
class ServiceSource:
    """What one service is made from at a commit."""

    paths: tuple[str, ...]
    requirements: str | None
    run: RunConfiguration


@dataclass(frozen=True)
class SourceTree:
    """What a commit says is shipped."""

    sha: str
    name: str
    services: Mapping[str, ServiceSource]
    irreversible: bool
    uncommitted: tuple[str, ...] = ()
    """What of it was changed since, where it is the commit that is checked out."""


@dataclass(frozen=True)
class Made:
    """A release, whether it is new, what was changed but is not part of it, and what was remarked."""

    release: Release
    is_new: bool
    uncommitted: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packing:
    """How a release is packed: whether in a sandbox or not at all, and what was remarked on the way."""

    fenced_only: bool = False
    remarks: list[str] = field(default_factory=list)


class Sources(Protocol):
    """The repository that releases are made from."""

    def tree(self, revision: str) -> SourceTree:
        """What the commit that *revision* names says; raises NotFoundError, InputError."""
        ...

    def pack(self, sha: str, source: ServiceSource, packing: Packing) -> Artifact:
        """Pack a service and install its dependencies; raises InputError, RefusedError, PlatformError."""
        ...


class Releasing:
    """Makes and registers releases."""

    def __init__(self, sources: Sources, repository: RolloutRepository, clock: Clock) -> None:
        self._sources = sources
        self._repository = repository
        self._clock = clock

    def create(
        self,
        revision: str,
        name: str | None,
        author: str,
        built_by: WorkflowRunReference | None = None,
        *,
        fenced_only: bool = False,
    ) -> Made:
        """The release of the commit that *revision* names.

        Asking again for the same commit under the same name gives the release that was made; what was lost
        of its artifacts since is made again. With *fenced_only* its requirements are installed in a sandbox
        or not at all: whoever asks is nobody who may run code as this user.

        Raises:
            RefusedError: If that is so, and there is no sandbox.
            ConflictError: If the name belongs to another commit's release.
            InputError: If the name cannot be one, or reads as another commit's SHA.
        """
        tree = self._sources.tree(revision)
        chosen = name or tree.name
        _check_name(chosen)
        packing = Packing(fenced_only)
        made = self._existing(chosen)
        if made is None:
            release_names.refuse_another_commit(chosen, tree.sha)
        if made is not None and made.commit == tree.sha:
            for source in tree.services.values():
                self._sources.pack(tree.sha, source, packing)
            return Made(made, is_new=False, uncommitted=tree.uncommitted, remarks=tuple(packing.remarks))
        if made is not None:
            raise ConflictError(
                f"release {chosen} is of commit {made.commit[:12]}, not {tree.sha[:12]}",
                hint="a release is made once: choose another --name",
            )
        versions = {
            service: ServiceVersion(
                service, chosen, tree.sha, self._sources.pack(tree.sha, source, packing), source.run
            )
            for service, source in tree.services.items()
        }
        known = self._repository.releases(KNOWN_RELEASES)[::-1]
        release = Release(
            chosen,
            tree.sha,
            author,
            self._clock.wall(),
            labelled(versions, known),
            tree.irreversible,
            built_by,
        )
        self._repository.add_release(
            release,
            Entry(
                release.created_at,
                author,
                "release.created",
                chosen,
                details={
                    "commit": tree.sha,
                    "services": [v.label for v in release.versions.values()],
                    **({} if built_by is None else {"built_by": built_by.url}),
                    **({"remarks": packing.remarks} if packing.remarks else {}),
                },
            ),
        )
        return Made(release, is_new=True, uncommitted=tree.uncommitted, remarks=tuple(packing.remarks))

    def _existing(self, name: str) -> Release | None:
        try:
            return self._repository.release_named(name)
        except NotFoundError:
            return None


def _check_name(name: str) -> None:
    if not name or len(name) > LONGEST_NAME or set(name) - NAME_CHARACTERS:
        raise InputError(
            f"{name!r} cannot be a release's name",
            hint=f"letters, digits and . _ - +, {LONGEST_NAME} at most: give one with --name",
        )
