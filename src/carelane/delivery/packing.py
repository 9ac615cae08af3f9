"""What a release is made from, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carelane.delivery.releases import RunConfiguration


@dataclass(frozen=True)
class ServiceSource:
    """What one service is made from at a commit; *runs*: how, in environments that have settings for it."""

    paths: tuple[str, ...]
    requirements: str | None
    run: RunConfiguration
    runs: Mapping[str, RunConfiguration] = field(default_factory=dict)

    def in_environment(self, environment: str) -> RunConfiguration:
        """How it runs in *environment*."""
        return self.runs.get(environment, self.run)


@dataclass(frozen=True)
class SourceTree:
    """What a commit says is shipped."""

    sha: str
    name: str
    services: Mapping[str, ServiceSource]
    irreversible: bool
    environments: tuple[str, ...] = ()
    uncommitted: tuple[str, ...] = ()
    """What of it was changed since, where it is the commit that is checked out."""


@dataclass(frozen=True)
class Packing:
    """How a release is packed: whether in a sandbox or not at all, and what was remarked on the way."""

    fenced_only: bool = False
    remarks: list[str] = field(default_factory=list)
