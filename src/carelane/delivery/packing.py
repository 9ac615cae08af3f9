"""What a release is made from, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carelane.delivery.releases import RunConfiguration


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
class Packing:
    """How a release is packed: whether in a sandbox or not at all, and what was remarked on the way."""

    fenced_only: bool = False
    remarks: list[str] = field(default_factory=list)
