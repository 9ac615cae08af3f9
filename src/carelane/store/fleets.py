"""The fleets of environments whose platform keeps no copies of its own, in the database."""

from collections.abc import Sequence

import sqlalchemy as sa
from pydantic import TypeAdapter

from carelane.audit.entries import Entry
from carelane.delivery.replicas.fleet import Fleet
from carelane.store import tables, trail

_FLEET = TypeAdapter(Fleet)


class SqlFleets:
    """The Fleets port over SQLAlchemy Core."""

    def __init__(self, engine: sa.Engine, trail_: trail.SqlTrail) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)
        self._trail = trail_

    def fleet(self, environment: str) -> Fleet:
        """That of *environment* as recorded; an empty one where nothing was."""
        t = tables.fleets
        query = sa.select(t.c.document).where(t.c.environment == environment)
        with self._reading.begin() as connection:
            document = connection.execute(query).scalar()
        return Fleet(environment) if document is None else _FLEET.validate_json(document)

    def keep(self, fleet: Fleet, entries: Sequence[Entry]) -> None:
        """Record it as it is now, and the *entries* about it."""
        t = tables.fleets
        document = _FLEET.dump_json(fleet).decode()
        with self._engine.begin() as connection:
            of_this = t.update().where(t.c.environment == fleet.environment)
            if connection.execute(of_this.values(document=document)).rowcount == 0:
                connection.execute(t.insert().values(environment=fleet.environment, document=document))
            trail.append(connection, tuple(entries))
        if entries:
            self._trail.ring()
