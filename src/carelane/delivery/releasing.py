"""Making releases: from a commit, once; deployments never build."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from carelane.audit.entries import Detail, Entry
from carelane.base.clock import Clock
from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.delivery import release_names
from carelane.delivery.packing import Packing, SourceTree
from carelane.delivery.ports import RolloutRepository, Sources
from carelane.delivery.releases import (
    Artifact,
    Release,
    ServiceVersion,
    WorkflowRunReference,
    labelled,
)

KNOWN_RELEASES = 200
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+")
LONGEST_NAME = 63
IMAGE_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$"


@dataclass(frozen=True)
class Made:
    """A release, whether it is new, what was changed but is not part of it, and what was remarked."""

    release: Release
    is_new: bool
    uncommitted: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


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
        images: Mapping[str, str] | None = None,
        *,
        fenced_only: bool = False,
    ) -> Made:
        """The release of the commit that *revision* names.

        *images* are the same services as container images, by their digests (``NAME@sha256:DIGEST``).
        Asking again for the same commit under the same name gives the release that was made; what was lost
        of its artifacts since is made again. With *fenced_only* its requirements are installed in a sandbox
        or not at all: whoever asks is nobody who may run code as this user.

        Raises:
            RefusedError: If that is so, and there is no sandbox.
            ConflictError: If the name belongs to another commit's release, or to one of other images.
            InputError: If the name cannot be one, or reads as another commit's SHA; if an image is not named
                by its digest.
            NotFoundError: If an image is of a service that the commit has not.
        """
        tree = self._sources.tree(revision)
        chosen = name or tree.name
        _check_name(chosen)
        _check_images(images or {}, tree)
        packing = Packing(fenced_only)
        made = self._existing(chosen)
        if made is None:
            release_names.refuse_another_commit(chosen, tree.sha)
        elif made.commit != tree.sha:
            raise ConflictError(
                f"release {chosen} is of commit {made.commit[:12]}, not {tree.sha[:12]}",
                hint="a release is made once: choose another --name",
            )
        else:
            _refuse_other_images(made, images or {})
        artifacts = {
            name: replace(self._sources.pack(tree.sha, source, packing), image=(images or {}).get(name))
            for name, source in tree.services.items()
        }
        release = made or self._added(tree, chosen, artifacts, author, built_by, packing.remarks)
        return Made(release, made is None, tree.uncommitted, tuple(packing.remarks))

    def _added(
        self,
        tree: SourceTree,
        name: str,
        artifacts: Mapping[str, Artifact],
        author: str,
        built_by: WorkflowRunReference | None,
        remarks: list[str],
    ) -> Release:
        """A new release, recorded."""
        versions = {
            service: ServiceVersion(service, name, tree.sha, artifacts[service], source.run)
            for service, source in tree.services.items()
        }
        known = self._repository.releases(KNOWN_RELEASES)[::-1]
        labels = labelled(versions, known)
        made_at = self._clock.wall()
        own = _by_environment(tree, versions, labels, known)
        release = Release(name, tree.sha, author, made_at, labels, tree.irreversible, built_by, own)
        details: dict[str, Detail] = {"commit": tree.sha, "services": [v.label for v in labels.values()]}
        if built_by is not None:
            details["built_by"] = built_by.url
        if remarks:
            details["remarks"] = remarks
        entry = Entry(made_at, author, "release.created", name, details=details)
        self._repository.add_release(release, entry)
        return release

    def _existing(self, name: str) -> Release | None:
        try:
            return self._repository.release_named(name)
        except NotFoundError:
            return None


def _by_environment(
    tree: SourceTree,
    versions: Mapping[str, ServiceVersion],
    usual: Mapping[str, ServiceVersion],
    known: list[Release],
) -> dict[str, dict[str, ServiceVersion]]:
    """The versions that differ from the *usual* ones in an environment, in their settings or their label.

    One that had settings of its own and has them no more is a change there alone.
    """
    own = {}
    for environment in dict.fromkeys((*tree.environments, *(e for r in known for e in r.by_environment))):
        there = {
            name: replace(version, run=tree.services[name].in_environment(environment))
            for name, version in versions.items()
        }
        made = labelled(there, [release.within(environment) for release in known])
        differing = {name: version for name, version in made.items() if version != usual[name]}
        if differing:
            own[environment] = differing
    return own


def _check_images(images: Mapping[str, str], tree: SourceTree) -> None:
    for service, image in images.items():
        if service not in tree.services:
            raise NotFoundError(
                f"image {image} is of {service}, which is no released service of commit {tree.sha[:12]}",
                hint=f"there are: {', '.join(tree.services)}",
            )
        if not re.fullmatch(IMAGE_PATTERN, image):
            raise InputError(
                f"image {image!r} of {service} is not named by its digest",
                hint="write NAME@sha256:DIGEST: a tag may be another image tomorrow",
            )


def _refuse_other_images(made: Release, images: Mapping[str, str]) -> None:
    """What was made once keeps its images; who names none means those that it has."""
    for service, image in images.items():
        version = made.versions.get(service)
        if version is not None and version.artifact.image != image:
            raise ConflictError(
                f"release {made.name} has {version.artifact.image or 'no image'} for {service}, not {image}",
                hint="a release is made once: choose another --name",
            )


def _check_name(name: str) -> None:
    known = set(name) <= NAME_CHARACTERS and name[:1].isalnum()
    if not known or len(name) > LONGEST_NAME:
        raise InputError(
            f"{name!r} cannot be a release's name",
            hint=f"a letter or digit, then also . _ - +, {LONGEST_NAME} at most: give one with --name",
        )
