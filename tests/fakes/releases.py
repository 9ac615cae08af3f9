"""Releases and their parts, made up."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from carelane.delivery.releases import (
    Artifact,
    Probe,
    Release,
    RunConfiguration,
    ServiceKind,
    ServiceVersion,
)

MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
WEB = RunConfiguration(
    ServiceKind.WEB,
    ("serve",),
    routes=("/",),
    readiness=Probe("/ready"),
    liveness=Probe("/live"),
    drain_seconds=10.0,
)
WORKER = RunConfiguration(ServiceKind.WORKER, ("work",), drain_seconds=10.0)
MIGRATING = replace(WEB, migrate=("migrate",))


def digest(text: str) -> str:
    """A digest that stands for *text*."""
    return hashlib.sha256(text.encode()).hexdigest()


def version(service: str, label: str, run: RunConfiguration = WEB, content: str = "") -> ServiceVersion:
    """A version of *service* first had by the release *label*."""
    what = digest(f"{service} {content or label}")
    artifact = Artifact(what, image=f"registry/{service}@sha256:{what}")
    return ServiceVersion(service, label, digest(label)[:40], artifact, run)


def release(name: str, versions: Mapping[str, ServiceVersion], *, irreversible: bool = False) -> Release:
    """A release of *versions*."""
    return Release(name, digest(name)[:40], "alice", MADE_AT, dict(versions), irreversible)
