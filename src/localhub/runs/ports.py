"""What runs need of the outside: where they are kept, who carries a job out, where commits come from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from localhub.runs.records import Annotation, Conclusion, Run, Step

MOST_ARTIFACTS = 500
"""Of one job: so many numbers are its own, so that its steps know those of their artifacts."""


@dataclass(frozen=True)
class ActStep:
    """A step as act is told of it."""

    id: str  # what act's rows call it
    name: str  # what people see
    tolerated: bool = False


@dataclass(frozen=True)
class Order:
    """One job, ready to be carried out: all that it needs of others is folded into it."""

    run_id: int
    job_id: int
    repository: str
    sha: str
    event: str
    payload: dict[str, Any]
    workflow: dict[str, Any]  # a workflow file with this one job
    steps: tuple[ActStep, ...]
    environment: dict[str, str] = field(default_factory=dict)  # GITHUB_* and the like
    secrets: dict[str, str] = field(default_factory=dict)
    outputs_step: str | None = None  # id of the step that writes the job's outputs
    timeout_seconds: float = 21600.0
    runner: str = "localhub"


@dataclass(frozen=True)
class Progress:
    """A job as far as it has come."""

    steps: tuple[Step, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    process_id: int | None = None
    conclusion: Conclusion | None = None  # None: still under way


def first_artifact_id(job_id: int) -> int:
    """The number of a job's first artifact; those that it uploads after it have the next ones."""
    return job_id * MOST_ARTIFACTS


Report = Callable[[int, int, Progress], None]
"""Told of (run id, job id, progress) whenever a job comes further."""


@dataclass(frozen=True)
class Kept:
    """What was kept of a job's files, and what was not."""

    outputs: dict[str, str] = field(default_factory=dict)
    problems: tuple[Annotation, ...] = ()
    failed: bool = False


class JobFiles(Protocol):
    """Artifacts, caches and outputs: what a job is given and what it leaves."""

    def lay(self, order: Order, artifacts: Path, caches: Path) -> None:
        """Puts the run's artifacts (NUMBER/NAME/…) and the repository's caches where a job's actions look."""
        ...

    def keep(self, order: Order, out: Path) -> Kept:
        """Keeps what a job left in its out folder; its artifacts are numbered in the order of `uploaded`."""
        ...


class Jobs(Protocol):
    """Carries jobs out."""

    def start(self, order: Order, report: Report) -> None:
        """Begins a job; *report* is called from another thread until it has a conclusion."""
        ...

    def cancel(self, job_id: int, *, force: bool = False) -> None:
        """Ends the running step and lets always() steps run; with *force* ends all at once."""
        ...

    def end_orphan(self, job_id: int, process_id: int | None) -> None:
        """Ends what an earlier server left of a job, and keeps its logs."""
        ...


class StoreUnavailableError(Exception):
    """The store fails for now: it is locked, or its disk is full; what was asked may be asked again later.

    It is no LocalhubError: those say what is wrong with a run or a request, and end it.
    """


class Runs(Protocol):
    """Where runs are kept; each call raises StoreUnavailableError where the store fails for now."""

    def get(self, run_id: int) -> Run | None:
        """The run, or None."""
        ...

    def save(self, run: Run) -> None:
        """Keeps the run as it is now."""
        ...

    def delete(self, run_id: int) -> None:
        """Forgets a run."""
        ...

    def active(self) -> list[Run]:
        """Runs that have not ended, oldest first."""
        ...

    def next_id(self, kind: str, count: int = 1) -> int:
        """The first of *count* fresh ids."""
        ...

    def next_number(self, workflow_id: int) -> int:
        """The next run number of a workflow."""
        ...


class Sources(Protocol):
    """Reads commits."""

    def files(self, repository: str, sha: str, folder: str) -> Mapping[str, str]:
        """Texts of the files right in *folder* at a commit, as they were committed, by path."""
        ...

    def changed(self, repository: str, before: str | None, after: str) -> Iterable[str]:
        """Paths that differ between two commits; all of *after* where there is no commit *before*.

        A file that was moved differs at both its paths.
        """
        ...


class Secrets(Protocol):
    """What jobs may be given."""

    def of(self, repository: str, environment: str | None) -> dict[str, str]:
        """Secrets by name; the environment's come before the repository's."""
        ...

    def variables(self, repository: str, environment: str | None) -> dict[str, str]:
        """Variables by name, likewise."""
        ...


@dataclass(frozen=True)
class Known:
    """A workflow file as the hub knows it."""

    id: int
    path: str
    name: str
    active: bool = True


class Workflows(Protocol):
    """The workflow files that are known."""

    def known(self, repository: str, path: str, name: str) -> Known:
        """The file at that path; made known where it is new."""
        ...
