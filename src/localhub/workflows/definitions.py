"""What a workflow file says, as values.

Texts may hold `${{ }}`, which is evaluated when its turn comes. Fields that hold a number, a truth value
or a list may be one `${{ }}` instead, which is then a text. Lines count from 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from localhub.expressions import Value

Flag: TypeAlias = bool | str
"""true, false, or a `${{ }}` that gives one."""

Number: TypeAlias = float | str
"""A number, or a `${{ }}` that gives one."""


class InputType(StrEnum):
    """What an input takes."""

    STRING = "string"
    BOOLEAN = "boolean"
    NUMBER = "number"
    CHOICE = "choice"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Input:
    """An input of workflow_dispatch or workflow_call; *default* None where there is none."""

    name: str
    line: int
    type: InputType = InputType.STRING
    description: str = ""
    required: bool = False
    default: Value = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Secret:
    """A secret that a reusable workflow takes."""

    name: str
    line: int
    required: bool = False


@dataclass(frozen=True)
class Schedule:
    """When a schedule starts a workflow: five cron fields, in UTC or the time zone named."""

    cron: str
    line: int
    timezone: str = "UTC"


@dataclass(frozen=True)
class Trigger:
    """One event of `on`; None means that the filter is not there, which is not the same as empty.

    *inputs*, *outputs* and *secrets* belong to workflow_dispatch and workflow_call, *schedules* to
    schedule, *workflows* to workflow_run.
    """

    event: str
    line: int
    types: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    tags_ignore: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    paths_ignore: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True)
class Defaults:
    """What `run` steps use where they say nothing."""

    shell: str | None = None
    working_directory: str | None = None


@dataclass(frozen=True)
class Concurrency:
    """A group of which one runs at a time."""

    group: str
    line: int
    cancel_in_progress: Flag = False
    queue_max: bool = False


@dataclass(frozen=True)
class RunsOn:
    """The runner a job asks for: all of *labels*, of *group*. A label of one `${{ }}` may give a list."""

    line: int
    labels: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True)
class Environment:
    """The environment that a job deploys to; without *deployment* its gates and secrets only."""

    name: str
    line: int
    url: str | None = None
    deployment: Flag = True


@dataclass(frozen=True)
class Strategy:
    """A job's matrix (a mapping or one `${{ }}`, None without one) and how its jobs run together."""

    line: int
    matrix: Value = None
    fail_fast: Flag = True
    max_parallel: Number | None = None


@dataclass(frozen=True)
class Step:
    """One step: exactly one of *run* and *uses*.

    *condition* is the whole condition: without `${{ }}`, and with success() where the file asks no status.
    """

    line: int
    condition: str = "success()"
    id: str | None = None
    name: str | None = None
    run: str | None = None
    uses: str | None = None
    shell: str | None = None
    working_directory: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    continue_on_error: Flag = False
    timeout_minutes: Number | None = None


@dataclass(frozen=True)
class Call:
    """The reusable workflow that a job is; *inherit* hands it all secrets."""

    uses: str
    line: int
    inputs: Mapping[str, Value] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    inherit: bool = False


SCOPES = (
    "actions artifact-metadata attestations checks code-quality contents copilot-requests deployments"
    " discussions drives id-token issues models packages pages pull-requests repository-projects"
    " security-events statuses vulnerability-alerts"
)
Permissions: TypeAlias = Mapping[str, str] | str
"""Scopes with `read`, `write` or `none`; or `read-all` or `write-all`."""


@dataclass(frozen=True)
class Job:
    """One job: steps on a runner, or the *call* of a reusable workflow.

    *condition* is as a step's. *name* is None where the file gives none; *runs_on* is None with a call.
    """

    id: str
    line: int
    condition: str = "success()"
    name: str | None = None
    needs: tuple[str, ...] = ()
    runs_on: RunsOn | None = None
    call: Call | None = None
    environment: Environment | None = None
    concurrency: Concurrency | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    strategy: Strategy | None = None
    timeout_minutes: Number | None = None
    continue_on_error: Flag = False
    permissions: Permissions | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Workflow:
    """A workflow file; *name* is the file's path where it gives none, as GitHub shows it."""

    path: str
    name: str
    on: Mapping[str, Trigger]
    jobs: Mapping[str, Job]
    run_name: str | None = None
    permissions: Permissions | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    concurrency: Concurrency | None = None
