"""Commits by name, each with the contents of its services."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carelane.base.errors import InputError, NotFoundError
from carelane.delivery.packing import Packing, ServiceSource, SourceTree
from carelane.delivery.releases import Artifact
from tests.fakes.releases import WEB, digest


@dataclass
class FakeSources:
    """The Sources port in memory: a service's one path is its content."""

    commits: dict[str, Mapping[str, str]] = field(default_factory=dict)
    packed: list[str] = field(default_factory=list)
    packings: list[Packing] = field(default_factory=list)
    tag: str = ""
    remark: str = ""
    """What is remarked of each service that is packed."""

    def tree(self, revision: str) -> SourceTree:
        """What the commit says."""
        if revision not in self.commits:
            raise NotFoundError(f"no commit {revision!r}")
        services = {
            name: ServiceSource((content,), None, WEB) for name, content in self.commits[revision].items()
        }
        sha, name = digest(revision)[:40], self.tag or revision
        return SourceTree(sha, name, services, irreversible=False, environments=("production",))

    def pack(self, sha: str, source: ServiceSource, packing: Packing) -> Artifact:
        """Pack a content that some commit has."""
        (content,) = source.paths
        if not any(content in services.values() for services in self.commits.values()):
            raise InputError(f"cannot pack {content} of {sha[:12]}")
        if self.remark:
            packing.remarks.append(f"{content} {self.remark}")
        self.packings.append(packing)
        self.packed.append(content)
        return Artifact(digest(content))
