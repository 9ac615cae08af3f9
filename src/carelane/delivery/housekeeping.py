"""Nothing grows for ever: finds what nobody needs any more, and removes it."""

import functools
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from carelane.audit.entries import Detail, Entry
from carelane.base.clock import Clock
from carelane.base.errors import CarelaneError, NotFoundError
from carelane.base.loops import Report
from carelane.delivery.decisions.draft import ENGINE
from carelane.delivery.ports import RolloutRepository
from carelane.delivery.releases import Release
from carelane.delivery.replicas.ports import Fleets
from carelane.delivery.retention import Environment, Find, Kept, Retention, Shelf, Spare, kept

LOOKED_AT = 2000
"""Releases and revisions: more are not looked through for what may be young, or not undone, still."""
FIRST_SECONDS, EVERY_SECONDS = 600.0, 3600.0


class Housekeeping:
    """Keeps all shelves; *environments* says of each how many of its revisions can be named."""

    def __init__(
        self,
        repository: RolloutRepository,
        fleets: Fleets,
        shelves: Sequence[Shelf],
        retention: Callable[[], Retention],
        environments: Callable[[], Mapping[str, int]],
        clock: Clock,
        report: Report,
    ) -> None:
        self._repository = repository
        self._fleets = fleets
        self._shelves = {shelf.name: shelf for shelf in shelves}
        self._retention = retention
        self._environments = environments
        self._clock = clock
        self._report = report
        self._alone = threading.Lock()
        self._begun = False

    def step(self) -> float:
        """Remove what nobody needs, but not right after the start; the seconds until that is due again."""
        if not self._begun:
            self._begun = True
            return FIRST_SECONDS
        self.prune(ENGINE, "retention")
        return EVERY_SECONDS

    def spare(self) -> list[Spare]:
        """What nobody needs."""
        needed = self._kept()
        return [spare for shelf in self._shelves.values() for spare in shelf.spare(needed)]

    def prune(self, author: str, reason: str) -> list[Spare]:
        """Remove it, and say so in the trail; what cannot be removed is reported, and is none of it."""
        with self._alone:
            gone = [spare for spare in self.spare() if self._removed(spare)]
            if gone:
                by_what = Counter(spare.what for spare in gone)
                details: dict[str, Detail] = {"bytes": sum(s.bytes for s in gone), **dict(by_what)}
                now = self._clock.wall()
                self._repository.record(
                    Entry(now, author, "retention.pruned", f"{len(gone)} things", None, reason, details)
                )
            return gone

    def _removed(self, spare: Spare) -> bool:
        try:
            self._shelves[spare.shelf].remove(spare)
        except (CarelaneError, OSError) as error:
            self._report("retention", error)
            return False
        return True

    def _kept(self) -> Kept:
        environments = [self._environment(*named) for named in self._environments().items()]
        releases = self._repository.releases(LOOKED_AT)
        find = finding(self._repository)
        return kept(self._retention(), environments, releases, find, self._clock.wall())

    def _environment(self, name: str, revision_history: int) -> Environment:
        known = recorded(self._repository, name, revision_history)
        fleet = [v for versions in self._fleets.fleet(name).versions.values() for v in versions.values()]
        return replace(known, versions=[*known.versions, *fleet])


def recorded(repository: RolloutRepository, name: str, revision_history: int) -> Environment:
    """What environment *name* may need by what is recorded of it."""
    snapshot = repository.snapshot(name)
    moving = [] if snapshot.release is None else list(snapshot.release.versions.values())
    there = [v for service in snapshot.state.services.values() for v in service.versions.values()]
    return Environment(name, [*moving, *there], repository.revisions(name, LOOKED_AT), revision_history)


def finding(repository: RolloutRepository) -> Find:
    """Releases by their names, each read once."""

    @functools.cache
    def find(name: str) -> Release | None:
        try:
            return repository.release_named(name)
        except NotFoundError:
            return None

    return find
