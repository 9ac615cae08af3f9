"""The Sources port: git, the configuration and the archives together."""

import threading
from collections.abc import Mapping
from pathlib import PurePosixPath

from carelane.base.errors import InputError
from carelane.bootstrap.places import FILE
from carelane.config import reading, translation
from carelane.delivery.packing import Packing, ServiceSource, SourceTree
from carelane.delivery.releases import Artifact
from carelane.platforms.git.repository import Commit, GitRepository
from carelane.platforms.processes.archives import Archives


class CommittedSources:
    """What is committed in the system's repository."""

    def __init__(self, repository: GitRepository, archives: Archives) -> None:
        self._repository = repository
        self._archives = archives
        self._packing = threading.Lock()
        """An archive is held in memory: one at a time."""

    def tree(self, revision: str) -> SourceTree:
        """What a commit's own carelane.yaml says is shipped."""
        commit = self._repository.resolve(revision)
        configuration = reading.read(self._repository.file(commit.sha, FILE), f"{commit.name}:{FILE}")
        services = {
            name: ServiceSource(
                paths=tuple(service.source),
                requirements=service.build.requirements if service.build else None,
                run=translation.run_configuration(service),
                runs=translation.runs_by_environment(configuration, name),
            )
            for name, service in translation.released(configuration).items()
        }
        return SourceTree(
            commit.sha,
            commit.name,
            services,
            configuration.irreversible,
            tuple(configuration.environments),
            self._uncommitted(commit, services),
        )

    def _uncommitted(self, commit: Commit, services: Mapping[str, ServiceSource]) -> tuple[str, ...]:
        if commit.sha != self._repository.resolve("HEAD").sha:
            return ()
        paths = {FILE, *(path for source in services.values() for path in source.paths)}
        return tuple(self._repository.uncommitted(sorted(paths)))

    def pack(self, sha: str, source: ServiceSource, packing: Packing) -> Artifact:
        """Pack a service's files; its requirements are read from the same commit."""
        with self._packing:
            archive = self._archives.pack(self._repository.archive(sha, list(source.paths)))
        self._archives.unpacked(archive)  # now, so that no deployment has to
        if source.run.workdir != "." and not _inside(source.run.workdir, source.paths):
            raise InputError(
                f"workdir {source.run.workdir} is not within the packed {', '.join(source.paths)}",
                hint="name a folder that `source` brings along",
            )
        if source.requirements is None:
            return Artifact(archive)
        lock = self._repository.file(sha, source.requirements)
        digest = self._archives.build(
            lock.encode(), fenced_only=packing.fenced_only, say=packing.remarks.append
        )
        return Artifact(archive, digest)


def _inside(workdir: str, paths: tuple[str, ...]) -> bool:
    folder = PurePosixPath(workdir)
    return any(
        PurePosixPath(p) == folder or folder in PurePosixPath(p).parents or PurePosixPath(p) in folder.parents
        for p in paths
    )
