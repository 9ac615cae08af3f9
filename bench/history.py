"""What a long history costs: a server at rest, and commands, at 1, 100 and 1,000 deployments.

Ten entries a deployment. The history is written into the database while no server runs: copies of one
real deployment, each of a release of its own, numbered downwards from it, so that what is recorded of the
present stays as it is. Flat is what may grow by a quarter at most. The three are there at the same time, and
asked in turns: one after the other they would be compared with what the machine does meanwhile.
"""

import json
import tempfile
import time
from collections.abc import Callable
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
        systems = {size: System(Path(folder) / f"with-{size}", replicas=2) for size in SIZES}
        try:
            for size, system in systems.items():
                _begin(system, size)
            figures = _measure(list(systems.values()))
        finally:
            for system in systems.values():
                system.down()
    write(PART, figures, "make bench ARGS=history")


def _begin(system: System, size: int) -> None:
    system.describe()
    system.up()
    system.shipped("v1", "v2")
    system.release("v3")
    system.must("down", "--keep-running")
    _remember(system.folder / ".carelane" / "carelane.db", 1, size)
    system.up()


def _measure(systems: list[System]) -> list[Figure]:
    """All at the same time, each in turn: what the machine does meanwhile meets each of them."""
    time.sleep(5)
    pids = [system.server_pid() for system in systems]
    before = [busy_seconds(pid) for pid in pids]
    time.sleep(IDLE_SECONDS)
    idle = [(busy_seconds(pid) - b) / IDLE_SECONDS * 100 for pid, b in zip(pids, before, strict=True)]
    seen = {
        "idle server, % of a core": idle,
        "server, MiB PSS": [proportional_mib(pid) for pid in pids],
        "`carelane status`, ms": _ms(systems, "status"),
        "`carelane deploy --plan`, ms": _ms(systems, "deploy", "production", "--release", "v3", "--plan"),
        "`carelane rollback --plan`, ms": _ms(systems, "rollback", "production", "--plan", "--reason", "why"),
        "`carelane history`, ms": _ms(systems, "history", "production"),
        "`carelane deployments list`, ms": _ms(systems, "deployments", "list"),
        "`carelane events` of the newest twenty, ms": _turns(
            systems, lambda system: ("events", "--after", str(max(_newest(system) - 20, 0)))
        ),
    }
    return [_figure(what, values) for what, values in seen.items()]


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


def _ms(systems: list[System], *arguments: str) -> list[float]:
    return _turns(systems, lambda _: arguments)


def _turns(systems: list[System], arguments: Callable[[System], tuple[str, ...]]) -> list[float]:
    """How long a command takes on each, in milliseconds: the median of so many rounds, in turns."""
    took: dict[int, list[float]] = {at: [] for at in range(len(systems))}
    asked = [arguments(system) for system in systems]
    for _ in range(ROUNDS):
        for at, system in enumerate(systems):
            took[at].append(_seconds(system, asked[at]))
    return [median(each) * 1000 for each in took.values()]


def _seconds(system: System, arguments: tuple[str, ...]) -> float:
    return seconds(lambda: run(system, *arguments))


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
