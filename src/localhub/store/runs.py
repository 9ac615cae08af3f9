"""Runs in SQLite: the `Runs` port, and what the API asks for."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import PydanticSerializationError

from localhub.runs.records import Run, Status
from localhub.store import database, tables


@dataclass(frozen=True)
class RunFilter:
    """What `/actions/runs` may be asked for; None asks for all."""

    workflow_id: int | None = None
    branch: str | None = None
    event: str | None = None
    status: str | None = None  # a status or a conclusion, as on GitHub
    actor: str | None = None
    sha: str | None = None
    created: tuple[str | None, str | None] = (None, None)


class StoredRuns:
    """Runs, kept whole as documents beside the columns that are asked for."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._reading = engine, database.reading(engine)

    @cached_property
    def _codec(self) -> TypeAdapter[Run | None]:
        # A matrix's `.inf` stays what it is; settings are taken for unions, not for dataclasses.
        return TypeAdapter(Run | None, config=ConfigDict(ser_json_inf_nan="constants"))

    def get(self, run_id: int) -> Run | None:
        """The run, or None."""
        with self._reading.connect() as connection:
            text = connection.execute(
                sa.select(tables.runs.c.document).where(tables.runs.c.id == run_id)
            ).scalar_one_or_none()
        return None if text is None else self._codec.validate_json(text)

    def save(self, run: Run) -> None:
        """Keeps the run as it is now."""
        from sqlalchemy.dialects.sqlite import insert

        values = {
            "repository": run.repository,
            "workflow_id": run.workflow_id,
            "status": run.status.value,
            "conclusion": run.conclusion.value if run.conclusion else None,
            "event": run.event,
            "branch": run.head_branch,
            "sha": run.head_sha,
            "actor": run.actor,
            "created_at": run.created_at.isoformat(),
            "pull_request": run.pull_request,
            "document": self._document(run),
        }
        with self._engine.begin() as connection:
            connection.execute(
                insert(tables.runs)
                .values(id=run.id, **values)
                .on_conflict_do_update(index_elements=[tables.runs.c.id], set_=values)
            )
            if run.jobs:
                rows = [{"id": job.id, "run_id": run.id, "attempt": run.attempt} for job in run.jobs]
                connection.execute(insert(tables.jobs).on_conflict_do_nothing(), rows)

    def _document(self, run: Run) -> str:
        try:
            return self._codec.dump_json(run).decode()
        except PydanticSerializationError:
            # Half a surrogate pair, which JSON can name and UTF-8 cannot hold: it becomes a question mark.
            text = json.dumps(self._codec.dump_python(run, mode="json"), ensure_ascii=False)
            return text.encode(errors="replace").decode()

    def delete(self, run_id: int) -> None:
        """Forgets a run."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(tables.jobs).where(tables.jobs.c.run_id == run_id))
            connection.execute(sa.delete(tables.runs).where(tables.runs.c.id == run_id))

    def beyond(self, repository: str, most: int, before: datetime) -> list[Run]:
        """The runs that have ended, and were made *before* that or are not among the newest *most*."""
        columns = tables.runs.c
        newest = sa.select(columns.id).where(columns.repository == repository)
        newest = newest.order_by(columns.id.desc()).limit(most)
        old = sa.or_(columns.created_at < before.isoformat(), columns.id.not_in(newest))
        ended = columns.status == Status.COMPLETED.value
        query = sa.select(columns.document).where(columns.repository == repository, ended, old)
        return self._read(query.order_by(columns.id))

    def unknown_jobs(self, job_ids: set[int]) -> set[int]:
        """Those of *job_ids* that no run has; a run's jobs are kept before they begin."""
        with self._reading.connect() as connection:
            known = set(connection.execute(sa.select(tables.jobs.c.id)).scalars())
        return job_ids - known

    def active(self) -> list[Run]:
        """Runs that have not ended, oldest first."""
        query = sa.select(tables.runs.c.document).where(tables.runs.c.status != Status.COMPLETED.value)
        return self._read(query.order_by(tables.runs.c.id))

    def of_job(self, job_id: int) -> Run | None:
        """The run that has this job, at the attempt that has it."""
        with self._reading.connect() as connection:
            row = connection.execute(
                sa.select(tables.jobs.c.run_id, tables.jobs.c.attempt).where(tables.jobs.c.id == job_id)
            ).one_or_none()
        run = None if row is None else self.get(row.run_id)
        if run is None or row is None:
            return None
        return next((attempt for attempt in run.attempts() if attempt.attempt == row.attempt), None)

    def listed(
        self, repository: str, wanted: RunFilter, *, page: int = 1, per_page: int = 30
    ) -> tuple[int, list[Run]]:
        """How many runs there are in all, and one page of them, newest first."""
        conditions = self._conditions(repository, wanted)
        count = sa.select(sa.func.count()).select_from(tables.runs).where(*conditions)
        query = sa.select(tables.runs.c.document).where(*conditions).order_by(tables.runs.c.id.desc())
        with self._reading.connect() as connection:
            total = int(connection.execute(count).scalar_one())
        return total, self._read(query.limit(per_page).offset((page - 1) * per_page))

    def _conditions(self, repository: str, wanted: RunFilter) -> list[sa.ColumnElement[bool]]:
        columns = tables.runs.c
        exact = {
            columns.workflow_id: wanted.workflow_id,
            columns.branch: wanted.branch,
            columns.event: wanted.event,
            columns.actor: wanted.actor,
            columns.sha: wanted.sha,
        }
        conditions = [columns.repository == repository]
        conditions += [column == value for column, value in exact.items() if value is not None]
        if wanted.status is not None:
            conditions.append(sa.or_(columns.status == wanted.status, columns.conclusion == wanted.status))
        after, before = wanted.created
        if after is not None:
            conditions.append(columns.created_at >= after)
        if before is not None:
            conditions.append(columns.created_at <= before)
        return conditions

    def next_id(self, kind: str, count: int = 1) -> int:
        """The first of *count* fresh ids."""
        with self._engine.begin() as connection:
            return database.next_id(connection, kind, count)

    def next_number(self, workflow_id: int) -> int:
        """The next run number of a workflow."""
        return self.next_id(f"workflow {workflow_id}")

    def _read(self, query: sa.Select[str]) -> list[Run]:
        with self._reading.connect() as connection:
            texts = connection.execute(query).scalars().all()
        return [run for text in texts if (run := self._codec.validate_json(text)) is not None]
