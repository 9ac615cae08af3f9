"""What runs here though nothing is recorded of it: after the database was lost, or an older one was put back.

Nothing of it is ended without being asked: users may be on it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from carelane.base.errors import ConflictError, PlatformError
from carelane.bootstrap.places import Places
from carelane.config.model import Configuration
from carelane.platforms.processes.shims import Shims

END_SECONDS = 20.0
SHOWN = 6


@dataclass(frozen=True)
class Recorded:
    """What is recorded of an environment: its generation, and the names of its instances."""

    generation: int
    instances: Collection[str]


@dataclass(frozen=True)
class Running:
    """One that runs, and the generation of what was recorded when it was started; None of 0.2's."""

    environment: str
    name: str
    born: int | None

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.name} in {self.environment}"


def running(places: Places) -> list[Running]:
    """The instances and tasks that run, of whatever environment."""
    found: list[Running] = []
    for root in (root for root in places.known_environments() if (root / "instances").is_dir()):
        shims = Shims(root / "instances")
        found += [
            Running(root.name, name, (shims.spec(name) or {}).get("born"))
            for name in shims.names()
            if shims.running(shims.status(name))
        ]
    return found


def refuse_orphans(places: Places, configuration: Configuration) -> None:
    """Raise ConflictError for what an environment that is not described any more left running.

    Nobody would end it.
    """
    for root in places.known_environments():
        described = configuration.environments.get(root.name)
        if described is not None and described.platform == "processes":
            continue
        kept = [Shims(folder) for folder in (root / "proxies", root / "instances") if folder.is_dir()]
        running = [name for shims in kept for name in shims.names() if shims.running(shims.status(name))]
        if running:
            raise _orphans(places, root.name, ", ".join(running), described=described is not None)


def _orphans(places: Places, environment: str, running: str, *, described: bool) -> ConflictError:
    file, way = places.file.name, f"`carelane down --environment {environment}` ends it"
    if described:
        return ConflictError(
            f"environment {environment} is on Kubernetes by {file}, and its processes here still run:"
            f" {running}",
            hint=f"say platform: processes once more, until {way}",
        )
    return ConflictError(
        f"environment {environment} is not in {file} any more, but still runs {running}",
        hint=f"put it back there, or {way}",
    )


def refuse_without_database(places: Places, *, end_unknown: bool) -> None:
    """Raise ConflictError where the database is missing, but not what it was of."""
    lost = not places.database.exists() or places.database.stat().st_size == 0
    known = running(places) if lost and not end_unknown else []
    if known:
        raise ConflictError(
            f"{places.database} is missing, but {_named(known)}",
            hint="`carelane state restore FILE` puts a backup back; `carelane up --end-unknown` ends what"
            " runs and begins anew",
        )


def see_to(places: Places, recorded: Mapping[str, Recorded], *, end_unknown: bool) -> None:
    """Refuse what runs and is newer than what is recorded; with *end_unknown* it is ended.

    What was started under a generation that is recorded, and is not there any more, is known to be over:
    the engine ends it.

    Raises:
        ConflictError: If there is such, and nobody asked for its end.
        PlatformError: If it does not end.
    """
    newer = [each for each in running(places) if _is_newer(each, recorded.get(each.environment))]
    if newer and not end_unknown:
        raise ConflictError(
            f"what is recorded is older than what runs: {_named(newer)}, of which nothing is recorded",
            hint="`carelane state restore FILE` puts a newer backup back;"
            " `carelane up --end-unknown` ends it",
        )
    for environment in {each.environment for each in newer}:
        shims = Shims(places.environment(environment) / "instances")
        names = [each.name for each in newer if each.environment == environment]
        for name in names:
            shims.stop(name, END_SECONDS / 2)
        left = shims.wait_ended(names, END_SECONDS)
        if left:
            raise PlatformError(f"{', '.join(left)} in {environment} would not end")
        for name in names:
            shims.clear(name)


def _is_newer(each: Running, recorded: Recorded | None) -> bool:
    if recorded is None or each.name in recorded.instances:
        return False  # an environment that is not described is refused elsewhere
    return recorded.generation == 0 or (each.born is not None and each.born > recorded.generation)


def _named(found: list[Running]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    verb = "runs" if len(found) == 1 else "run"
    return f"{', '.join(str(each) for each in found[:SHOWN])}{more} {verb}"
