"""Releases, deployments and environments in the database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from carelane.audit.entries import Entry
from carelane.base.errors import ConflictError, NotFoundError
from carelane.delivery import release_names
from carelane.delivery.decisions.draft import Decision, Snapshot
from carelane.delivery.deployments import Deployment, Revision
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.incidents import Incident
from carelane.delivery.releases import Release
from carelane.store import incidents, tables, trail

_RELEASE = TypeAdapter(Release)
_STATE = TypeAdapter(EnvironmentState)
_DEPLOYMENT = TypeAdapter(Deployment)
_REVISION = TypeAdapter(Revision)


class SqlRolloutRepository:
    """The RolloutRepository port over SQLAlchemy Core."""

    def __init__(self, engine: sa.Engine, trail_: trail.SqlTrail) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)
        self._trail = trail_
        self._snapshots: dict[str, _Known] = {}

    # -- environments and decisions

    def snapshot(self, environment: str) -> Snapshot:
        """The environment as recorded; an empty one where nothing was.

        It is asked for ten times a second while something moves: what has not changed is not read again.
        """
        known = self._snapshots.get(environment)
        with self._reading.begin() as connection:
            if known is not None and known.noted == _noted(connection, known.snapshot):
                return known.snapshot
            snapshot = _snapshot(connection, environment)
            self._snapshots[environment] = _Known(snapshot, _noted(connection, snapshot))
        return snapshot

    def commit(self, decision: Decision) -> bool:
        """Record *decision* in one transaction; False if the generation before it is not the current one."""
        with self._engine.begin() as connection:
            if not _swap(connection, decision.state):
                return False
            for deployment in decision.deployments:
                _put_deployment(connection, deployment)
            if decision.revision is not None:
                _add_revision(connection, decision.revision, decision.undone)
            for incident in decision.incidents:
                incidents.put(connection, incident)
            trail.append(connection, decision.entries)
        if decision.entries:
            self._trail.ring()
        return True

    # -- deployments

    def reserve_deployment(self) -> int:
        """A number no other deployment has or will have."""
        with self._engine.begin() as connection:
            result = connection.execute(tables.deployment_numbers.insert().values(number=None))
            return int(result.inserted_primary_key[0])  # type: ignore[index]  # an autoincrement row has one

    def deployment(self, number: int) -> Deployment:
        """Raises NotFoundError where there is none."""
        with self._reading.begin() as connection:
            return _one_deployment(connection, number)

    def deployments(self, environment: str | None, limit: int) -> list[Deployment]:
        """Newest first."""
        t = tables.deployments
        query = sa.select(t).order_by(t.c.number.desc()).limit(limit)
        if environment is not None:
            query = query.where(t.c.environment == environment)
        with self._reading.begin() as connection:
            return [_deployment(row) for row in connection.execute(query)]

    def note_timings(self, number: int, timings_ms: Mapping[str, float], message: str) -> None:
        """Add measured parts to a deployment, and what was found of it, shown unless it ended with more."""
        t = tables.deployments
        with self._engine.begin() as connection:
            deployment = _one_deployment(connection, number)
            merged = {**deployment.timings_ms, **timings_ms}
            connection.execute(
                t.update().where(t.c.number == number).values(timings_ms=merged, message=message)
            )

    # -- history and releases

    def revisions(self, environment: str, limit: int) -> list[Revision]:
        """Newest first."""
        t = tables.revisions
        query = sa.select(t).where(t.c.environment == environment).order_by(t.c.number.desc()).limit(limit)
        with self._reading.begin() as connection:
            return [
                replace(_REVISION.validate_json(row.document), undone_by=row.undone_by)
                for row in connection.execute(query)
            ]

    def revision_of(self, environment: str, release: str) -> int | None:
        """The latest revision that brought *release*; None where none did."""
        t = tables.revisions
        brought = _in(t.c.document, "release").as_string() == release
        query = sa.select(sa.func.max(t.c.number)).where(t.c.environment == environment, brought)
        with self._reading.begin() as connection:
            number: int | None = connection.scalar(query)
        return number

    def irreversible_after(self, environment: str, revision: int) -> list[str]:
        """The names, sorted: see the port."""
        t, r = tables.revisions, tables.releases
        query = (
            sa.select(r.c.name)
            .distinct()
            .join(t, _in(t.c.document, "release").as_string() == r.c.name)
            .where(t.c.environment == environment, t.c.number > revision, t.c.undone_by.is_(None))
            .where(_in(r.c.document, "irreversible").as_boolean())
            .order_by(r.c.name)
        )
        with self._reading.begin() as connection:
            arrived = set(connection.scalars(query))
            fixing = sa.select(t.c.document).where(
                t.c.environment == environment, t.c.number > revision, t.c.undone_by.is_(None)
            )
            documents = connection.scalars(fixing.where(_in(t.c.document, "fixes").as_string() != "[]"))
            fixed = {name for document in documents for name in _REVISION.validate_json(document).fixes}
            return sorted(arrived | fixed)

    def incidents(self, environment: str | None, limit: int) -> list[Incident]:
        """Newest first."""
        with self._reading.begin() as connection:
            return incidents.newest(connection, environment, limit)

    def record(self, entry: Entry) -> None:
        """Record an entry that belongs to no decision."""
        with self._engine.begin() as connection:
            trail.append(connection, (entry,))
        self._trail.ring()

    def add_release(self, release: Release, entry: Entry) -> None:
        """Record *release* and the *entry* that says so; ConflictError where another has the name."""
        row = {
            "name": release.name,
            "commit": release.commit,
            "document": _RELEASE.dump_json(release).decode(),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(tables.releases.insert().values(row))
                trail.append(connection, (entry,))
        except sa.exc.IntegrityError:
            raise ConflictError(
                f"there is a release {release.name} already",
                hint="a release is made once: choose another --name",
            ) from None
        self._trail.ring()

    def release(self, name: str) -> Release:
        """The one that is meant by *name*, or by the beginning of its commit."""
        with self._reading.begin() as connection:
            of_commit = _of_commit(connection, release_names.beginning_of_commit(name))
            return release_names.meant(name, _named(connection, name), of_commit)

    def release_named(self, name: str) -> Release:
        """The one of this very name."""
        with self._reading.begin() as connection:
            return _recorded_release(connection, name)

    def releases(self, limit: int) -> list[Release]:
        """Newest first."""
        t = tables.releases
        query = sa.select(t.c.document).order_by(t.c.number.desc()).limit(limit)
        with self._reading.begin() as connection:
            return [_RELEASE.validate_json(document) for document in connection.execute(query).scalars()]


@dataclass(frozen=True)
class _Known:
    """A snapshot, and by what is seen that another one is due."""

    snapshot: Snapshot
    noted: tuple[object, ...]


def _noted(connection: sa.Connection, snapshot: Snapshot) -> tuple[object, ...]:
    """The generation of *snapshot*'s environment by now, and what is noted of its deployment."""
    t, d = tables.environments, tables.deployments
    generation = connection.scalar(sa.select(t.c.generation).where(t.c.name == snapshot.state.name))
    if snapshot.deployment is None:
        return (generation,)
    of_deployment = sa.select(d.c.timings_ms, d.c.message).where(d.c.number == snapshot.deployment.id)
    return (generation, *connection.execute(of_deployment).one())


def _snapshot(connection: sa.Connection, environment: str) -> Snapshot:
    query = sa.select(tables.environments.c.document).where(tables.environments.c.name == environment)
    document = connection.execute(query).scalar()
    if document is None:
        return Snapshot(EnvironmentState(environment))
    state = _STATE.validate_json(document)
    open_ = incidents.still_open(connection, environment)
    if state.deployment is None:
        return Snapshot(state, incidents=open_)
    deployment = _one_deployment(connection, state.deployment)
    release = _recorded_release(connection, deployment.release).within(environment)
    return Snapshot(state, deployment, release, open_)


def _swap(connection: sa.Connection, state: EnvironmentState) -> bool:
    t = tables.environments
    row = {"name": state.name, "generation": state.generation, "document": _STATE.dump_json(state).decode()}
    if state.generation == 1:
        known = connection.execute(sa.select(t.c.generation).where(t.c.name == state.name)).scalar()
        if known is None:
            connection.execute(t.insert().values(row))
        return known is None
    swapped = connection.execute(
        t.update().where(t.c.name == state.name, t.c.generation == state.generation - 1).values(row)
    )
    return swapped.rowcount == 1


def _put_deployment(connection: sa.Connection, deployment: Deployment) -> None:
    t = tables.deployments
    row = {
        "environment": deployment.environment,
        "phase": deployment.phase.value,
        "document": _DEPLOYMENT.dump_json(deployment).decode(),
    }
    changed = connection.execute(t.update().where(t.c.number == deployment.id).values(row))
    if changed.rowcount == 0:
        first = {"number": deployment.id, "timings_ms": {}, "message": ""}
        connection.execute(t.insert().values({**row, **first}))


def _in(document: sa.Column[str], key: str) -> Any:  # noqa: ANN401 - a comparator of JSON, which has no type
    """What *document* has under *key*, for the database to look at."""
    return sa.type_coerce(document, sa.JSON)[key]


def _one_deployment(connection: sa.Connection, number: int) -> Deployment:
    t = tables.deployments
    row = connection.execute(sa.select(t).where(t.c.number == number)).one_or_none()
    if row is None:
        raise NotFoundError(f"no deployment {number}", hint="`carelane deployments list` shows them")
    return _deployment(row)


def _deployment(row: sa.Row[tuple[object, ...]]) -> Deployment:
    r = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    deployment = _DEPLOYMENT.validate_json(r["document"])
    message = deployment.message or r["message"]  # why it ended so goes before what was noted of it
    return replace(deployment, timings_ms={**deployment.timings_ms, **r["timings_ms"]}, message=message)


def _add_revision(connection: sa.Connection, revision: Revision, undone: tuple[int, ...]) -> None:
    t = tables.revisions
    connection.execute(
        t.insert().values(
            environment=revision.environment,
            number=revision.number,
            document=_REVISION.dump_json(revision).decode(),
        )
    )
    if undone:
        connection.execute(
            t.update()
            .where(t.c.environment == revision.environment, t.c.number.in_(undone), t.c.undone_by.is_(None))
            .values(undone_by=revision.deployment)
        )


def _named(connection: sa.Connection, name: str) -> Release | None:
    t = tables.releases
    document = connection.execute(sa.select(t.c.document).where(t.c.name == name)).scalar()
    return None if document is None else _RELEASE.validate_json(document)


def _of_commit(connection: sa.Connection, beginning: str | None) -> list[Release]:
    t = tables.releases
    if beginning is None:
        return []
    query = sa.select(t.c.document).where(t.c.commit.startswith(beginning, autoescape=True))
    found = connection.execute(query.order_by(t.c.number.desc())).scalars()
    return [_RELEASE.validate_json(document) for document in found]


def _recorded_release(connection: sa.Connection, name: str) -> Release:
    release = _named(connection, name)
    if release is None:
        raise NotFoundError(f"no release is named {name!r}", hint="`carelane release list` shows them")
    return release
