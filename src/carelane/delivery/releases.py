"""What is shipped: a release, and each service's version in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from carelane.delivery.placeholders import Placeholders

SCHEMA_VERSION = 1


class ServiceKind(StrEnum):
    """What a service is: ``web`` takes HTTP, ``worker`` does not."""

    WEB = "web"
    WORKER = "worker"


@dataclass(frozen=True)
class Probe:
    """An HTTP question about one process; *failures* in a row count as one."""

    path: str
    period_seconds: float = 1.0
    timeout_seconds: float = 1.0
    failures: int = 3


@dataclass(frozen=True)
class RouteSettings:
    """What may take how long over one path.

    *timeout_seconds* is from the end of a request to the end of its answer; None: as long as something
    comes. A request, or an upgraded connection, on which nothing comes for its idle time ends. *upgrades* are
    the protocols that a connection may change to.
    """

    timeout_seconds: float | None = None
    idle_seconds: float = 60.0
    upgraded_idle_seconds: float = 3600.0
    upgrades: tuple[str, ...] = ("websocket",)

    def or_more(self, other: "RouteSettings") -> "RouteSettings":
        """What either allows: while two versions stand side by side nobody knows which a request gets."""
        limits = (self.timeout_seconds, other.timeout_seconds)
        return RouteSettings(
            None if None in limits else max(limit for limit in limits if limit is not None),
            max(self.idle_seconds, other.idle_seconds),
            max(self.upgraded_idle_seconds, other.upgraded_idle_seconds),
            tuple(sorted({*self.upgrades, *other.upgrades})),
        )


@dataclass(frozen=True)
class Limits:
    """What one instance may use; None is no limit."""

    memory_bytes: int | None = None
    open_files: int | None = None


@dataclass(frozen=True)
class SecretReference:
    """Where a secret is found, and which version of it; never its value.

    *key* is ``NAME/KEY`` of a Secret, where the platform keeps those.
    """

    version: int
    file: str | None = None
    variable: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class RunConfiguration:
    """How a service runs, resolved when the release was made.

    Placeholders (``${port}``, ``${services.backend.url}``) stay: what they stand for belongs to
    the environment and the moment.
    """

    kind: ServiceKind
    command: tuple[str, ...]
    workdir: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    readiness: Probe | None = None
    liveness: Probe | None = None
    health_path: str | None = None
    version_path: str | None = None
    metrics_path: str | None = None
    routes: tuple[str, ...] = ()
    route_settings: Mapping[str, RouteSettings] = field(default_factory=dict)
    """By path; a route without any has the default ones."""
    drain_seconds: float = 10.0
    limits: Limits = Limits()
    migrate: tuple[str, ...] | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def service_addresses(self) -> set[str]:
        """The placeholders that stand for where other services are reached: ``services.backend.url``."""
        texts = (*self.command, *(self.migrate or ()), *self.environment.values())
        named = {name for text in texts for name in Placeholders(text).get_identifiers()}
        return {name for name in named if name.startswith("services.")}

    def settled_seconds(self, least: float) -> float:
        """For how long one must have been seen ready to have been so for *least* seconds: a probe more.

        The last one may be as old as its period.
        """
        return least + (self.readiness.period_seconds if self.readiness is not None else 1.0)


def irreversible(names: Sequence[str]) -> str:
    """In words, that these releases are."""
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} irreversible"


def has_changed(names: Sequence[str]) -> str:
    """In words, that they are, and what that means."""
    return f"{irreversible(names)} and {'has' if len(names) == 1 else 'have'} changed the data"


@dataclass(frozen=True)
class Artifact:
    """What was packed: SHA-256 of the archive, and of the lock its dependencies were built from.

    *image* is the same as a container image, by its digest, where one was built.
    """

    archive: str
    dependencies: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class ServiceVersion:
    """One service as one release has it.

    The label is the name of the first release that had this very artifact and run configuration:
    a service that a release does not change keeps its label, and is not touched.
    """

    service: str
    label: str
    commit: str
    artifact: Artifact
    run: RunConfiguration

    def same_as(self, other: "ServiceVersion | None") -> bool:
        """Whether both run the same bytes in the same way."""
        return other is not None and self.artifact == other.artifact and self.run == other.run


@dataclass(frozen=True)
class WorkflowRunReference:
    """A WorkflowRun as a release names it: where it came from, to be found again."""

    repository: str
    run_id: int
    attempt: int
    workflow: str
    url: str


@dataclass(frozen=True)
class Release:
    """An immutable set of service versions, made once from one commit.

    *by_environment* has those that run otherwise in an environment: the same artifacts, other settings.
    """

    name: str
    commit: str
    author: str
    created_at: datetime
    versions: Mapping[str, ServiceVersion]
    irreversible: bool = False
    built_by: WorkflowRunReference | None = None
    """The run that made it; None where a person did by hand."""
    by_environment: Mapping[str, Mapping[str, ServiceVersion]] = field(default_factory=dict)

    def within(self, environment: str) -> "Release":
        """The release as it is in *environment*: there it has one version of each service."""
        own = self.by_environment.get(environment, {})
        return replace(self, versions={**self.versions, **own}, by_environment={})


def labelled(versions: Mapping[str, ServiceVersion], known: list[Release]) -> dict[str, ServiceVersion]:
    """The *versions*, each under the label of the first known release that already had it."""
    named = {}
    for service, version in versions.items():
        earlier = (release.versions.get(service) for release in known)
        twin = next((past for past in earlier if past is not None and version.same_as(past)), None)
        named[service] = twin or version
    return named
