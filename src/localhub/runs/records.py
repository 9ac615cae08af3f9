"""A run with its attempts, nodes, jobs and steps, in GitHub's own words.

A *node* is one job of a workflow file; it becomes one job an entry of its matrix, or, where it calls a
reusable workflow, one *frame* an entry with nodes of its own. Paths name nodes across frames: `build`,
`ship[0]/deploy`.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a run, job or step is; GitHub's words."""

    QUEUED = "queued"
    PENDING = "pending"  # held back by its concurrency group
    WAITING = "waiting"  # for somebody to approve its environment
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """How it ended; GitHub's words."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    STARTUP_FAILURE = "startup_failure"


def worst(results: list[Conclusion | None]) -> Conclusion:
    """What several results are together: failed, else cancelled, else skipped if all were, else success."""
    if Conclusion.FAILURE in results:
        return Conclusion.FAILURE
    if Conclusion.CANCELLED in results:
        return Conclusion.CANCELLED
    if results and all(each is Conclusion.SKIPPED for each in results):
        return Conclusion.SKIPPED
    return Conclusion.SUCCESS


LARGEST_LINE = 2**31 - 1
"""As GitHub has it: its API's numbers of lines are signed and of 32 bits, and clients read no others."""


@dataclass(frozen=True)
class Annotation:
    """A remark on a place in the repository, or on the run as a whole."""

    level: str  # notice | warning | failure
    message: str
    path: str = ".github"
    line: int = 1
    title: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a job; numbers from 1, as GitHub counts them ("Set up job" is the first)."""

    number: int
    name: str
    status: Status = Status.QUEUED
    conclusion: Conclusion | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True)
class Claim:
    """A concurrency group that a job goes on under, and the *unit* of the run that has it: all or none of it.

    A unit is the job itself, or a call of a reusable workflow with all of its jobs (`ship[0]/`).
    """

    group: str
    unit: str
    cancel_in_progress: bool = False
    queue_max: bool = False  # more than one may wait


@dataclass(frozen=True)
class Job:
    """One job of one attempt, as `/actions/jobs/{id}` shows it."""

    id: int
    node: str
    index: int  # among its node's matrix
    name: str
    attempt: int
    status: Status
    created_at: datetime
    conclusion: Conclusion | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    labels: tuple[str, ...] = ()
    matrix: dict[str, Any] = field(default_factory=dict)
    environment: str | None = None
    environment_url: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    group: str | None = None  # its own concurrency group
    cancel_in_progress: bool = False
    queue_max: bool = False
    called_in: tuple[Claim, ...] = ()  # the groups of the calls that it is in
    tolerated: bool = False  # continue-on-error of the job
    timeout_seconds: float = 21600.0
    cancelling: bool = False
    summary: str = ""
    log_of: int | None = None  # carried over from an earlier attempt: whose log it has
    process_id: int | None = None  # of its sandbox, to end what a crash leaves behind

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.status is Status.COMPLETED

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All the groups that it goes on under."""
        if not self.group:
            return self.called_in
        own = Claim(self.group, f"job {self.id}", self.cancel_in_progress, self.queue_max)
        return (*self.called_in, own)

    @property
    def result(self) -> Conclusion | None:
        """What `needs` and the run see: a tolerated failure is a success."""
        if self.conclusion is Conclusion.FAILURE and self.tolerated:
            return Conclusion.SUCCESS
        return self.conclusion


@dataclass(frozen=True)
class Node:
    """One job of a workflow file in this attempt, once its needs have ended."""

    path: str
    conclusion: Conclusion | None = None  # None while its jobs are under way
    outputs: dict[str, str] = field(default_factory=dict)
    fail_fast: bool = True
    max_parallel: int | None = None
    calls: tuple[dict[str, Any], ...] = ()  # a frame each: its inputs and matrix entry
    callee: str | None = None  # path of the reusable workflow


@dataclass(frozen=True)
class Review:
    """Somebody's word on an environment that a run waits for."""

    environment: str
    state: str  # approved | rejected
    user: str
    comment: str
    at: datetime


@dataclass(frozen=True)
class Run:
    """A workflow run with its latest attempt; earlier attempts are kept beside it."""

    id: int
    repository: str  # owner/name
    workflow_id: int
    path: str
    name: str
    number: int
    event: str
    ref: str  # refs/heads/main, refs/tags/v1, refs/pull/3/merge
    sha: str
    actor: str
    created_at: datetime
    started_at: datetime
    updated_at: datetime
    title: str = ""
    attempt: int = 1
    status: Status = Status.QUEUED
    conclusion: Conclusion | None = None
    triggering_actor: str = ""
    head_branch: str = ""
    base_ref: str = ""
    head_ref: str = ""
    pull_request: int | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)  # workflow files at this commit, by path
    group: str | None = None
    cancel_in_progress: bool = False
    queue_max: bool = False
    cancelling: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    reviews: tuple[Review, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    earlier: tuple["Run", ...] = ()  # attempts before this one, oldest first

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.status is Status.COMPLETED

    @property
    def head_sha(self) -> str:
        """The commit whose checks these are: a pull request's head, though what runs is its merge."""
        if not self.event.startswith("pull_request"):
            return self.sha
        return str(self.payload.get("pull_request", {}).get("head", {}).get("sha") or self.sha)

    def job(self, job_id: int) -> Job | None:
        """The job with that id in this attempt."""
        return next((job for job in self.jobs if job.id == job_id), None)

    def of(self, node: str) -> tuple[Job, ...]:
        """The jobs of a node, in the order of its matrix."""
        return tuple(job for job in self.jobs if job.node == node)

    def with_job(self, changed: Job) -> "Run":
        """The run with one job replaced."""
        return replace(self, jobs=tuple(changed if job.id == changed.id else job for job in self.jobs))

    def attempts(self) -> tuple["Run", ...]:
        """All attempts, oldest first, this one last."""
        return (*self.earlier, replace(self, earlier=()))
