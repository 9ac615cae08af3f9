"""What carelane.yaml may say, as pydantic models; the published JSON Schema is made from them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from carelane.config.basics import HttpPath, Name, Seconds, Strict
from carelane.config.clusters import LONGEST_NAME, ClusterSettings
from carelane.config.strategies import (
    AnalysisSettings,
    Objectives,
    RollbackSettings,
    Strategy,
    StrategySettings,
)

_PREFIX = re.compile(r"^/([^?#\s]*[^?#/\s])?$")


def _route_prefix(value: str) -> str:
    if not _PREFIX.match(value):
        raise ValueError(f"{value!r} is no route: write / or a prefix such as /api")
    return value


RoutePrefix = Annotated[
    str, Field(json_schema_extra={"pattern": _PREFIX.pattern}), AfterValidator(_route_prefix)
]
_UPGRADE = re.compile(r"^[a-z][a-z0-9./-]*$")


def _upgrade(value: str) -> str:
    if not _UPGRADE.match(value) or value == "h2c":
        raise ValueError(f"{value!r} is nothing a connection may change to here: write websocket")
    return value


Upgrade = Annotated[str, Field(json_schema_extra={"pattern": _UPGRADE.pattern}), AfterValidator(_upgrade)]


class RouteTo(Strict):
    """A path prefix at the front door, and what may take how long over it."""

    path: RoutePrefix
    timeout_seconds: Seconds | None = Field(
        None, description="from a request's end to its answer's end; without, as long as something comes"
    )
    idle_timeout_seconds: Seconds | None = Field(
        None, description="for how long nothing may come; default 60, 3600 for an upgraded connection"
    )
    upgrades: list[Upgrade] = Field(
        default_factory=lambda: ["websocket"], description="protocols a connection may change to"
    )


def _route(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


Route = Annotated[RouteTo, BeforeValidator(_route, json_schema_input_type=RoutePrefix | RouteTo)]
_SIZE = re.compile(r"^(\d+)\s*(KiB|MiB|GiB)$")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _inner_path(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"{value!r} leads out of the system's folder: name what is committed in it")
    return value


InnerPath = Annotated[str, Field(min_length=1), AfterValidator(_inner_path)]


class Build(Strict):
    """How a service's dependencies are made."""

    requirements: InnerPath = Field(description="a committed requirements file; built once a content")


class ProbeSettings(Strict):
    """An HTTP question about one process."""

    path: HttpPath
    period_seconds: Seconds | None = Field(None, description="default 1 for readiness, 5 for liveness")
    timeout_seconds: Seconds = 1.0
    failures: int = Field(3, ge=1, le=100)


class Probes(Strict):
    """Readiness decides over traffic, liveness over life."""

    readiness: ProbeSettings | None = None
    liveness: ProbeSettings | None = None


class LimitSettings(Strict):
    """What one instance may use."""

    memory: str | None = Field(None, description="resident memory, such as 512MiB", pattern=_SIZE.pattern)
    open_files: int | None = Field(None, ge=16)

    @property
    def memory_bytes(self) -> int | None:
        """The limit in bytes."""
        if self.memory is None:
            return None
        number, unit = _SIZE.match(self.memory).groups()  # type: ignore[union-attr]  # the field's own pattern
        return int(number) * _UNITS[unit]


class Secret(Strict):
    """Where a secret is found, and which version of it this is."""

    file: str | None = Field(None, description="a file, relative to carelane.yaml")
    variable: str | None = Field(None, description="a variable of the server's environment")
    version: int = Field(ge=1)

    @model_validator(mode="after")
    def _one_place(self) -> "Secret":
        if (self.file is None) == (self.variable is None):
            raise ValueError("a secret is found in either a file or a variable: say one of them")
        return self


class ServiceSecret(Secret):
    """The same of a service, which may run where Secrets are kept."""

    key: str | None = Field(
        None,
        description="NAME/KEY of a Secret in the environment's namespace; on Kubernetes",
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9._-]{1,253}$",
    )

    @model_validator(mode="after")
    def _one_place(self) -> "ServiceSecret":
        if sum(place is not None for place in (self.file, self.variable, self.key)) != 1:
            raise ValueError(
                "a secret is found in either a file, a variable or a key of a Secret: say one of them"
            )
        return self


class _Process(Strict):
    source: list[InnerPath] = Field(min_length=1, description="what is packed, relative to carelane.yaml")
    workdir: InnerPath = Field(".", description="where it runs, within what is packed")
    build: Build | None = None
    run: list[str] = Field(min_length=1, description="the command, as a list of arguments")
    migrate: list[str] | None = Field(None, min_length=1, description="run once before a new release starts")
    environment: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, ServiceSecret] = Field(default_factory=dict)
    limits: LimitSettings = LimitSettings()
    drain_seconds: Seconds = 10.0


class Web(_Process):
    """A service that takes HTTP on the port it is given as PORT (or ``${port}``)."""

    kind: Literal["web"]
    routes: list[Route] = Field(default_factory=list, description="path prefixes at the front door")
    probes: Probes = Probes()
    health: HttpPath | None = Field(None, description="the deep health path, asked through the front door")
    version: HttpPath | None = Field(None, description="a path whose answer names the version")
    metrics: HttpPath | None = None


class Worker(_Process):
    """A service without HTTP: replaced, never run twice."""

    kind: Literal["worker"]


class BackingService(Strict):
    """A database that an environment owns; never released."""

    kind: Literal["backing"]
    engine: Literal["postgresql"]


Service = Annotated[Web | Worker | BackingService, Field(discriminator="kind")]


Replicas = Annotated[int, Field(ge=1, le=100)]


class OwnSettings(Strict):
    """What a service has otherwise in one environment: added to what it says of itself, or in its place."""

    environment: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, ServiceSecret] = Field(default_factory=dict)
    limits: LimitSettings = LimitSettings()
    replicas: Replicas | None = Field(None, description="the same as in the environment's `replicas`")


class Environment(Strict):
    """Where releases run, and what it asks of them."""

    platform: Literal["processes", "kubernetes"] = "processes"
    port: int | None = Field(
        None, ge=1, le=65_535, description="the front door's address on loopback; on this machine's processes"
    )
    kubernetes: ClusterSettings | None = Field(None, description="where it is on the cluster")
    replicas: dict[str, Replicas] = Field(default_factory=dict)
    services: dict[str, OwnSettings] = Field(
        default_factory=dict, description="settings of released services that are this environment's own"
    )
    strategy: Strategy = StrategySettings()
    objectives: Objectives = Objectives()
    analysis: AnalysisSettings = AnalysisSettings()
    rollback: RollbackSettings = RollbackSettings()
    backing: dict[str, Secret] = Field(
        default_factory=dict, description="the URL of a database of one's own, by backing service"
    )

    @model_validator(mode="after")
    def _as_its_platform_has_it(self) -> "Environment":
        wrong = self._wrong_on_this_machine() if self.platform == "processes" else self._wrong_on_a_cluster()
        if wrong:
            raise ValueError(wrong)
        return self

    def _wrong_on_this_machine(self) -> str:
        if self.port is None:
            return "port is missing: the front door's address on loopback"
        if self.kubernetes is not None:
            return "kubernetes says where it is on a cluster: platform: kubernetes is missing"
        return ""

    def _wrong_on_a_cluster(self) -> str:
        blue_green = self.strategy.blue_green
        if self.kubernetes is None:
            return "kubernetes is missing: which namespace, gateway and address it has there"
        if self.port is not None:
            return "port is of this machine's processes: kubernetes.address is where users come in"
        if blue_green is not None and blue_green.preview_port is not None:
            return "strategy.blue_green.preview_port is of this machine's processes"
        if self.backing:
            return "backing is of this machine's processes: give services the address in their environment"
        if self.rollback.keep_warm > 1:
            return "rollback.keep_warm is 1 at most on Kubernetes, where a service has one slot for it"
        return ""

    @property
    def address(self) -> str:
        """Where its users come in."""
        return f"http://127.0.0.1:{self.port}" if self.kubernetes is None else self.kubernetes.address


class Notifications(Strict):
    """Who is told what, beside the trail."""

    url: Secret = Field(description="an Apprise address, as a secret")
    acts: list[str] = Field(
        default_factory=lambda: [
            "deployment.succeeded",
            "deployment.failed",
            "deployment.overdue",
            "proxy.failing",
            "review.required",
        ],
        description="the acts that are told",
    )


class PipelineSettings(Strict):
    """Where the system's workflows run: on this machine, by localhub."""

    repository: str = Field(
        description="owner/name, as git and gh know it", pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$"
    )
    port: int | None = Field(
        None, ge=1024, le=65535, description="loopback port for git and curl; none unless given"
    )
    slots: int = Field(2, ge=1, le=64, description="jobs at a time")
    home_memory_mb: int | None = Field(
        None,
        ge=1,
        le=1 << 20,  # as localhub, which would refuse to start
        description="keep each job's home and workspace in memory, so much of it; on disk unless given",
    )
    keep_runs: int = Field(2000, ge=1, le=1_000_000, description="the newest runs that are kept")
    keep_days: int = Field(90, ge=1, le=1_000_000, description="for how long, with logs and artifacts")
    deploy: list[Name] = Field(default_factory=list, description="environments that its jobs may deploy to")
    reviewers: dict[Name, list[str]] = Field(
        default_factory=dict, description="who must approve a job of an environment"
    )


class RetentionSettings(Strict):
    """What of the past is kept, beside what an environment needs."""

    releases: int = Field(20, ge=1, le=1000, description="the newest, with their artifacts")
    days: int = Field(30, ge=1, description="artifacts of releases made since; logs of what has ended")
    analyses_days: int = Field(90, ge=1, description="what analyses saw, window by window")


class Configuration(Strict):
    """The whole file."""

    system: Name
    services: dict[Name, Service] = Field(min_length=1)
    environments: dict[Name, Environment] = Field(min_length=1)
    notifications: dict[Name, Notifications] = Field(default_factory=dict)
    pipeline: PipelineSettings | None = None
    retention: RetentionSettings = RetentionSettings()
    irreversible: bool = Field(False, description="releases of this commit cannot be rolled back past")

    @field_validator("environments")
    @classmethod
    def _ports_differ(cls, value: dict[str, Environment]) -> dict[str, Environment]:
        taken: dict[int, str] = {}
        for name, environment in value.items():
            blue_green = environment.strategy.blue_green
            preview = blue_green.preview_port if blue_green is not None else None
            for port in (environment.port, preview):
                other = None if port is None else taken.get(port)
                if other is not None:
                    raise ValueError(f"{name} and {other} both want port {port}: each needs its own")
                if port is not None:
                    taken[port] = name
        return value

    @model_validator(mode="after")
    def _names_fit(self) -> "Configuration":
        for name, environment in self.environments.items():
            prefix = environment.kubernetes.prefix if environment.kubernetes is not None else None
            for service, settings in self.services.items() if prefix is not None else ():
                longest = f"{prefix}{service}-previous"
                if settings.kind == "backing":
                    continue
                for slot in ("canary", "previous"):
                    if f"{service}-{slot}" in self.services:
                        raise ValueError(
                            f"environments.{name}: {service}-{slot} is what the {slot} of {service} is called"
                            f" on a cluster: give the service {service}-{slot} another name"
                        )
                if len(longest) > LONGEST_NAME:
                    raise ValueError(
                        f"environments.{name}: {longest} has {len(longest)} characters, and a Service's name "
                        f"{LONGEST_NAME} at most: choose a shorter kubernetes.prefix"
                    )
        return self

    @field_validator("environments")
    @classmethod
    def _places_differ(cls, value: dict[str, Environment]) -> dict[str, Environment]:
        taken: dict[tuple[str | None, ...], str] = {}
        for name, environment in value.items():
            there = environment.kubernetes
            if there is None:
                continue
            cluster = (there.kubeconfig, there.context)
            for place, what in (
                ((*cluster, there.namespace), f"namespace {there.namespace}"),
                ((*cluster, there.gateway, there.hostname), f"all of {there.hostname or there.gateway}"),
            ):
                if (other := taken.setdefault(place, name)) != name:
                    raise ValueError(f"{name} and {other} both want {what}: each needs its own")
        return value
