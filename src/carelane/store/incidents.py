"""Incidents in the database: written within the transaction of the decision that opens or resolves them."""

import sqlalchemy as sa
from pydantic import TypeAdapter

from carelane.delivery.incidents import Incident
from carelane.store import tables

_INCIDENT = TypeAdapter(Incident)


def put(connection: sa.Connection, incident: Incident) -> None:
    """Write *incident*, new or changed, within the caller's transaction."""
    t = tables.incidents
    row = {
        "deployment": incident.deployment,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "document": _INCIDENT.dump_json(incident).decode(),
    }
    key = {"environment": incident.environment, "number": incident.number}
    this = (t.c.environment == incident.environment) & (t.c.number == incident.number)
    if connection.execute(t.update().where(this).values(row)).rowcount == 0:
        connection.execute(t.insert().values({**row, **key}))


def still_open(connection: sa.Connection, environment: str) -> tuple[Incident, ...]:
    """Those of *environment* that are not resolved, oldest first."""
    t = tables.incidents
    query = sa.select(t.c.document).where(t.c.environment == environment, t.c.resolved_at.is_(None))
    found = connection.execute(query.order_by(t.c.number)).scalars()
    return tuple(_INCIDENT.validate_json(document) for document in found)


def newest(connection: sa.Connection, environment: str | None, limit: int) -> list[Incident]:
    """Newest first, of one environment or of all."""
    t = tables.incidents
    query = sa.select(t.c.document).order_by(t.c.opened_at.desc(), t.c.environment, t.c.number.desc())
    if environment is not None:
        query = query.where(t.c.environment == environment)
    found = connection.execute(query.limit(limit)).scalars()
    return [_INCIDENT.validate_json(document) for document in found]
