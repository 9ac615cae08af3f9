"""What a long history costs: a server at rest, and commands, at 1, 100 and 1,000 deployments.

Ten entries a deployment. The history is written into the database while no server runs: copies of one
real deployment, each of a release of its own, numbered downwards from it, so that what is recorded of the
present stays as it is. Flat is what may grow by a quarter at most.
"""

import json
import tempfile
import time
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from bench.processes import busy_seconds, proportional_mib, run, seconds
from bench.results import Figure, write
from carelane.store import tables
from tests.systems.system import System

PART = "A long history"
SIZES = (1, 100, 1000)
ENTRIES_EACH = 10
IDLE_SECONDS = 30
FLAT = 1.25
ROUNDS = 15


def main() -> None:
    """Run, and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder) / "bench", replicas=2)
        try:
            figures = _measure(system)
        finally:
            system.down()
    write(PART, figures, "make bench ARGS=history")


def _measure(system: System) -> list[Figure]:
    system.describe()
    system.up()
    system.shipped("v1", "v2")
    system.release("v3")
    seen: dict[str, list[float]] = {}
    known = 1
    for size in SIZES:
        system.must("down", "--keep-running")
        _remember(system.folder / ".carelane" / "carelane.db", known, size)
        known = size
        system.up()
        for what, value in _costs(system).items():
            seen.setdefault(what, []).append(value)
    return [_figure(what, values) for what, values in seen.items()]


def _costs(system: System) -> dict[str, float]:
    pid = system.server_pid()
    time.sleep(5)
    before = busy_seconds(pid)
    time.sleep(IDLE_SECONDS)
    busy = (busy_seconds(pid) - before) / IDLE_SECONDS * 100
    return {
        "idle server, % of a core": busy,
        "server, MiB PSS": proportional_mib(pid),
        "`carelane status`, ms": _ms(system, "status"),
        "`carelane deploy --plan`, ms": _ms(system, "deploy", "production", "--release", "v3", "--plan"),
        "`carelane rollback --plan`, ms": _ms(system, "rollback", "production", "--plan", "--reason", "why"),
        "`carelane history`, ms": _ms(system, "history", "production"),
        "`carelane deployments list`, ms": _ms(system, "deployments", "list"),
        "`carelane events` of the newest twenty, ms": _ms(
            system, "events", "--after", str(max(_newest(system) - 20, 0))
        ),
    }


def _newest(system: System) -> int:
    engine = sa.create_engine(f"sqlite:///{system.folder / '.carelane' / 'carelane.db'}")
    with engine.connect() as connection:
        newest: int = connection.scalar(sa.select(sa.func.max(tables.entries.c.position))) or 20
    engine.dispose()
    return newest


def _figure(what: str, values: list[float]) -> Figure:
    at = ", ".join(f"{value:.4g}" for value in values)
    return Figure(
        f"{what}, at {SIZES} deployments",
        at,
        f"the last ≤ {FLAT} x the first",
        values[-1] <= FLAT * values[0],
    )


def _ms(system: System, *arguments: str) -> float:
    return median(seconds(lambda: run(system, *arguments)) for _ in range(ROUNDS)) * 1000


def _remember(database: Path, known: int, size: int) -> None:
    """Go from *known* to *size* deployments that were."""
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        deployment, revision, release = (
            connection.execute(sa.select(table).limit(1)).one()._mapping  # noqa: SLF001 - a row as a mapping
            for table in (tables.deployments, tables.revisions, tables.releases)
        )
        entries = connection.execute(sa.select(tables.entries).limit(ENTRIES_EACH)).all()
        for number in range(-known, -size, -1):
            name = f"h{-number}"
            of = {"id": number, "release": name}
            connection.execute(
                tables.deployments.insert().values(
                    {**deployment, "number": number, "document": _as(deployment, of)}
                )
            )
            of = {"number": number, "deployment": number, "release": name}
            connection.execute(
                tables.revisions.insert().values(
                    {**revision, "number": number, "document": _as(revision, of)}
                )
            )
            of = {"name": name, "commit": f"{-number:040x}"}
            connection.execute(
                tables.releases.insert().values(
                    {**release, **of, "number": number, "document": _as(release, of)}
                )
            )
            told = [{**row._mapping, "position": None, "subject": str(number)} for row in entries]  # noqa: SLF001
            connection.execute(tables.entries.insert(), told)
    engine.dispose()


def _as(row: sa.RowMapping, changed: dict[str, object]) -> str:
    return json.dumps({**json.loads(row["document"]), **changed})
