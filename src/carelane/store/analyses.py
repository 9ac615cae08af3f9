"""Analyses in the database: a row for each, one for each of its windows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter

from carelane.analysis.measurements import Readings, Window
from carelane.analysis.verdicts import Evidence
from carelane.delivery.analyses import AnalysisRun, Key
from carelane.delivery.retention import Kept, Spare
from carelane.store import tables

_RUN = TypeAdapter(AnalysisRun)
_WINDOW = TypeAdapter(Window)
_SOURCES = TypeAdapter(dict[str, Readings])
_EVIDENCE = TypeAdapter(Evidence)


class SqlAnalysisRepository:
    """The AnalysisRepository port over SQLAlchemy Core."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)

    def begin_analysis(self, run: AnalysisRun) -> None:
        """Record that it has begun; may be repeated."""
        t = tables.analyses
        document = _RUN.dump_json(replace(run, windows=(), sources={}, evidence=None)).decode()
        row = {"deployment": run.deployment, "service": run.service, "document": document, "sources": "{}"}
        with self._engine.begin() as connection:
            if connection.execute(sa.select(t.c.deployment).where(_is(t, run.key))).first() is None:
                connection.execute(t.insert().values(row))

    def add_window(
        self, key: Key, window: Window, sources: Mapping[str, Readings], evidence: Evidence
    ) -> None:
        """Record one more window, what is thought since, and where each source's counters stood."""
        t, w = tables.analyses, tables.analysis_windows
        row = {"deployment": key[0], "service": key[1], "document": _WINDOW.dump_json(window).decode()}
        since = {
            "sources": _SOURCES.dump_json(dict(sources)).decode(),
            "evidence": _EVIDENCE.dump_json(evidence).decode(),
        }
        with self._engine.begin() as connection:
            connection.execute(w.insert().values(row))
            connection.execute(t.update().where(_is(t, key)).values(since))

    def analysis(self, deployment: int, service: str) -> AnalysisRun | None:
        """What was recorded, with all its windows."""
        t, w, key = tables.analyses, tables.analysis_windows, (deployment, service)
        with self._reading.begin() as connection:
            row = connection.execute(sa.select(t).where(_is(t, key))).one_or_none()
            if row is None:
                return None
            query = sa.select(w.c.document).where(_is(w, key)).order_by(w.c.number)
            windows = tuple(_WINDOW.validate_json(d) for d in connection.execute(query).scalars())
        return replace(
            _RUN.validate_json(row.document),
            windows=windows,
            sources=_SOURCES.validate_json(row.sources),
            evidence=None if row.evidence is None else _EVIDENCE.validate_json(row.evidence),
        )


class WindowShelf:
    """What analyses saw, window by window, and the history before; what they came to stays."""

    name = "analyses"

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)

    def spare(self, kept: Kept) -> list[Spare]:
        """The windows of deployments that ended before the moment up to which they are kept."""
        w, d = tables.analysis_windows, tables.deployments
        ended = sa.type_coerce(d.c.document, sa.JSON)["finished_at"].as_string()
        query = (
            sa.select(w.c.deployment, sa.func.sum(sa.func.length(w.c.document)))
            .join(d, d.c.number == w.c.deployment)
            .where(ended < _moment(kept.analyses_since))
            .group_by(w.c.deployment)
            .order_by(w.c.deployment)
        )
        with self._reading.begin() as connection:
            return [
                Spare(self.name, "windows of an analysis", f"deployment {number}", size)
                for number, size in connection.execute(query)
            ]

    def remove(self, spare: Spare) -> None:
        """Those of one deployment."""
        t, w = tables.analyses, tables.analysis_windows
        number = int(spare.name.removeprefix("deployment "))
        with self._engine.begin() as connection:
            for row in connection.execute(sa.select(t).where(t.c.deployment == number)).all():
                run = replace(_RUN.validate_json(row.document), history=())
                document = _RUN.dump_json(run).decode()
                connection.execute(t.update().where(_is(t, run.key)).values(document=document))
            connection.execute(w.delete().where(w.c.deployment == number))


def _moment(at: datetime) -> str:
    """As documents have it, whose text sorts as time does; of one that has not ended it is null."""
    written: str = TypeAdapter(datetime).dump_python(at, mode="json")
    return written


def _is(table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
    return (table.c.deployment == key[0]) & (table.c.service == key[1])
