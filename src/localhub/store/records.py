"""Repositories, workflow files, pull requests, environments and deployments: small documents in SQLite."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.sqlite import insert

from localhub.store import database, tables


@dataclass(frozen=True)
class Repository:
    """A repository."""

    id: int
    name: str  # owner/name
    default_branch: str
    created_at: datetime
    pushed_at: datetime | None = None
    required_checks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By branch: the names of jobs that must have succeeded before a pull request is merged into it."""
    description: str = ""


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow file, known since a commit of the default branch (or a run) had it."""

    id: int
    repository: str
    path: str
    name: str
    created_at: datetime
    updated_at: datetime
    state: str = "active"  # active | disabled_manually | deleted
    schedule_checked_at: datetime | None = None


@dataclass(frozen=True)
class PullRequest:
    """A pull request between two branches of one repository."""

    number: int
    id: int
    repository: str
    title: str
    body: str
    author: str
    head: str  # branch
    base: str
    head_sha: str
    base_sha: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"  # open | closed
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_sha: str | None = None
    closed_at: datetime | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class HubEnvironment:
    """An environment and what protects it."""

    id: int
    repository: str
    name: str
    created_at: datetime
    reviewers: tuple[str, ...] = ()  # nobody: no approval is asked for
    branches: tuple[str, ...] = ()  # none: every branch may deploy
    prevent_self_review: bool = False


@dataclass(frozen=True)
class DeploymentStatus:
    """A word on a deployment."""

    id: int
    state: str
    created_at: datetime
    creator: str
    description: str = ""
    environment_url: str = ""
    log_url: str = ""


@dataclass(frozen=True)
class HubDeployment:
    """A deployment: made by a job with an environment, or through the API."""

    id: int
    repository: str
    environment: str
    sha: str
    ref: str
    creator: str
    created_at: datetime
    task: str = "deploy"
    description: str = ""
    job_id: int | None = None
    statuses: tuple[DeploymentStatus, ...] = ()

    def followed_by(self, status: DeploymentStatus) -> "HubDeployment":
        """The same with one more word on it."""
        return replace(self, statuses=(*self.statuses, status))


Record = TypeVar("Record", PullRequest, HubEnvironment, HubDeployment)


class Documents(Generic[Record]):
    """Records of one kind by repository and key."""

    _model: type[Record]
    _key: Callable[[Record], str]

    def __init__(
        self, engine: sa.Engine, kind: str, model: type[Record], key: Callable[[Record], str]
    ) -> None:
        self._engine, self._reading = engine, database.reading(engine)
        self._kind, self._model, self._key = kind, model, key

    @cached_property
    def _codec(self) -> TypeAdapter[Record]:
        return TypeAdapter(self._model)

    def save(self, record: Record) -> None:
        """Keeps the record as it is now."""
        with self._engine.begin() as connection:
            self._write(connection, record)

    def _write(self, connection: sa.Connection, record: Record) -> None:
        text = self._codec.dump_json(record).decode()
        statement = insert(tables.documents).values(
            kind=self._kind, repository=record.repository, key=self._key(record), document=text
        )
        statement = statement.on_conflict_do_update(
            index_elements=[tables.documents.c[name] for name in ("kind", "repository", "key")],
            set_={"document": text},
        )
        connection.execute(statement)

    def changed(self, repository: str, key: str, change: Callable[[Record | None], Record]) -> Record:
        """What *change* makes of the record as it is, kept before anybody else may change it."""
        with self._engine.begin() as connection:
            record = change(self._one(connection, repository, key))
            self._write(connection, record)
        return record

    def get(self, repository: str, key: str) -> Record | None:
        """The record, or None."""
        with self._reading.connect() as connection:
            return self._one(connection, repository, key)

    def all(self, repository: str) -> list[Record]:
        """All of a repository's, in no order."""
        with self._reading.connect() as connection:
            return self._read(connection, repository)

    def delete(self, repository: str, key: str) -> None:
        """Forgets the record."""
        columns = tables.documents.c
        statement = sa.delete(tables.documents).where(
            columns.kind == self._kind, columns.repository == repository, columns.key == key
        )
        with self._engine.begin() as connection:
            connection.execute(statement)

    def _one(self, connection: sa.Connection, repository: str, key: str) -> Record | None:
        return next(iter(self._read(connection, repository, tables.documents.c.key == key)), None)

    def _read(
        self, connection: sa.Connection, repository: str, *conditions: sa.ColumnElement[bool]
    ) -> list[Record]:
        columns = tables.documents.c
        query = sa.select(columns.document).where(
            columns.kind == self._kind, columns.repository == repository, *conditions
        )
        texts = connection.execute(query).scalars().all()
        return [self._codec.validate_json(text) for text in texts]


class Repositories:
    """Repositories and their workflow files."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._reading = engine, database.reading(engine)
        self._repositories = TypeAdapter(Repository)
        self._workflows = TypeAdapter(WorkflowFile)

    def all(self) -> list[Repository]:
        """Every repository, by name."""
        query = sa.select(tables.repositories.c.document).order_by(tables.repositories.c.name)
        with self._reading.connect() as connection:
            texts = connection.execute(query).scalars().all()
        return [self._repositories.validate_json(text) for text in texts]

    def get(self, name: str) -> Repository | None:
        """The repository by owner/name, whatever its case."""
        query = sa.select(tables.repositories.c.document).where(
            sa.func.lower(tables.repositories.c.name) == name.lower()
        )
        with self._reading.connect() as connection:
            text = connection.execute(query).scalar_one_or_none()
        return None if text is None else self._repositories.validate_json(text)

    def save(self, repository: Repository) -> None:
        """Keeps the repository."""
        text = self._repositories.dump_json(repository).decode()
        statement = insert(tables.repositories).values(name=repository.name, id=repository.id, document=text)
        statement = statement.on_conflict_do_update(
            index_elements=[tables.repositories.c.name], set_={"document": text}
        )
        with self._engine.begin() as connection:
            connection.execute(statement)

    def workflows(self, repository: str) -> list[WorkflowFile]:
        """The repository's workflow files, oldest first."""
        query = sa.select(tables.workflows.c.document).where(tables.workflows.c.repository == repository)
        with self._reading.connect() as connection:
            texts = connection.execute(query.order_by(tables.workflows.c.id)).scalars().all()
        return [self._workflows.validate_json(text) for text in texts]

    def workflow(self, repository: str, wanted: str | int) -> WorkflowFile | None:
        """A workflow file by id, path or file name."""
        for workflow in self.workflows(repository):
            if str(workflow.id) == str(wanted) or workflow.path == wanted:
                return workflow
            if workflow.path.rsplit("/", 1)[-1] == wanted:
                return workflow
        return None

    def known(self, repository: str, path: str, name: str, now: datetime) -> WorkflowFile:
        """The workflow file at *path*, made known where it is new; its name as of now."""
        with self._engine.begin() as connection:
            row = connection.execute(
                sa.select(tables.workflows.c.document).where(
                    tables.workflows.c.repository == repository, tables.workflows.c.path == path
                )
            ).scalar_one_or_none()
            if row is not None:
                found = self._workflows.validate_json(row)
                if found.name == name:
                    return found
                workflow = replace(found, name=name, updated_at=now)
            else:
                number = database.next_id(connection, "workflows")
                workflow = WorkflowFile(number, repository, path, name, now, now)
            self._write(connection, workflow)
        return workflow

    def save_workflow(self, workflow: WorkflowFile) -> None:
        """Keeps the workflow file's state."""
        with self._engine.begin() as connection:
            self._write(connection, workflow)

    def _write(self, connection: sa.Connection, workflow: WorkflowFile) -> None:
        text = self._workflows.dump_json(workflow).decode()
        statement = insert(tables.workflows).values(
            id=workflow.id, repository=workflow.repository, path=workflow.path, document=text
        )
        connection.execute(
            statement.on_conflict_do_update(index_elements=[tables.workflows.c.id], set_={"document": text})
        )
