"""What carelane.yaml may say, as pydantic models; the published JSON Schema is made from them."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="lower case letters, digits and -")
]
HttpPath = Annotated[str, Field(pattern=r"^/\S*$", description="a path that begins with /")]
_PREFIX = re.compile(r"^/([^?#\s]*[^?#/\s])?$")


def _route_prefix(value: str) -> str:
    if not _PREFIX.match(value):
        raise ValueError(f"{value!r} is no route: write / or a prefix such as /api")
    return value


RoutePrefix = Annotated[
    str, Field(json_schema_extra={"pattern": _PREFIX.pattern}), AfterValidator(_route_prefix)
]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 30)]
_PERCENT = re.compile(r"^\d{1,3}%$")
_SIZE = re.compile(r"^(\d+)\s*(KiB|MiB|GiB)$")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _share(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or (isinstance(value, str) and _PERCENT.match(value)):
        return value
    raise ValueError(f'must be a number from 0 or a percentage such as "25%", not {value!r}')


Share = Annotated[int | str, BeforeValidator(_share)]


def _inner_path(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"{value!r} leads out of the system's folder: name what is committed in it")
    return value


InnerPath = Annotated[str, Field(min_length=1), AfterValidator(_inner_path)]


class Strict(BaseModel):
    """Unknown keys are refused, and nothing is read as what it is not: ``yes`` is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Build(Strict):
    """How a service's dependencies are made."""

    requirements: InnerPath = Field(description="a requirements file among the sources; built once a content")


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


class _Process(Strict):
    source: list[InnerPath] = Field(min_length=1, description="what is packed, relative to carelane.yaml")
    workdir: InnerPath = Field(".", description="where it runs, within what is packed")
    build: Build | None = None
    run: list[str] = Field(min_length=1, description="the command, as a list of arguments")
    migrate: list[str] | None = Field(None, min_length=1, description="run once before a new release starts")
    environment: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, Secret] = Field(default_factory=dict)
    limits: LimitSettings = LimitSettings()
    drain_seconds: Seconds = 10.0


class Web(_Process):
    """A service that takes HTTP on the port it is given as PORT (or ``${port}``)."""

    kind: Literal["web"]
    routes: list[RoutePrefix] = Field(default_factory=list, description="path prefixes at the front door")
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


class RollingSettings(Strict):
    """How far a rolling replacement may stray from its replicas."""

    max_unavailable: Share = 1
    max_surge: Share = 1
    min_ready_seconds: float = Field(0.0, ge=0, le=3600, description="how long a new instance must be ready")


class StrategySettings(Strict):
    """The strategy with its settings."""

    rolling: RollingSettings = RollingSettings()


def _strategy(value: object) -> object:
    if value == "rolling":
        return {}
    if isinstance(value, str):
        raise ValueError(f"{value!r} is no strategy; there is: rolling")  # noqa: TRY004 - pydantic wants it
    return value


Strategy = Annotated[
    StrategySettings,
    BeforeValidator(_strategy, json_schema_input_type=Literal["rolling"] | StrategySettings),
]


class Objectives(Strict):
    """What must not get worse."""

    error_ratio: float | None = Field(None, gt=0, lt=1)
    slow_seconds: Seconds | None = None


class RollbackSettings(Strict):
    """When a rollout is undone by itself, and how much is kept for undoing it later."""

    automatic: bool = True
    progress_deadline_seconds: Seconds = 600.0
    revision_history: int = Field(10, ge=1, le=1000)
    keep_warm: int = Field(1, ge=0, le=10)
    keep_warm_seconds: Seconds = 3600.0
    crash_loop_restarts: int = Field(3, ge=1)


class Environment(Strict):
    """Where releases run, and what it asks of them."""

    platform: Literal["processes"] = "processes"
    port: int = Field(ge=1, le=65_535, description="the front door's address on loopback")
    replicas: dict[str, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    strategy: Strategy = StrategySettings()
    objectives: Objectives = Objectives()
    rollback: RollbackSettings = RollbackSettings()
    backing: dict[str, Secret] = Field(
        default_factory=dict, description="the URL of a database of one's own, by backing service"
    )


class Notifications(Strict):
    """Who is told what, beside the trail."""

    url: Secret = Field(description="an Apprise address, as a secret")
    acts: list[str] = Field(
        default_factory=lambda: ["deployment.succeeded", "deployment.failed", "review.required"],
        description="the acts that are told",
    )


class Configuration(Strict):
    """The whole file."""

    system: Name
    services: dict[Name, Service] = Field(min_length=1)
    environments: dict[Name, Environment] = Field(min_length=1)
    notifications: dict[Name, Notifications] = Field(default_factory=dict)
    irreversible: bool = Field(False, description="releases of this commit cannot be rolled back past")

    @field_validator("environments")
    @classmethod
    def _ports_differ(cls, value: dict[str, Environment]) -> dict[str, Environment]:
        taken: dict[int, str] = {}
        for name, environment in value.items():
            other = taken.setdefault(environment.port, name)
            if other != name:
                raise ValueError(f"{name} and {other} both want port {environment.port}: each needs its own")
        return value
