"""Nothing grows for ever: runs with their logs and artifacts, caches, what repositories no longer need."""

import contextlib
import shutil
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from localhub.base.errors import ConflictError
from localhub.hub.parts import Localhub
from localhub.runs.records import Run

FIRST, EVERY, REPACKED_EVERY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)
CACHE_UNUSED = timedelta(days=7)
"""As on GitHub."""
LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Swept:
    """How many of each are gone."""

    runs: int = 0
    caches: int = 0
    left_behind: int = 0


class Sweeper:
    """Sweeps each hour, and has each repository repacked once a day; not right after the start."""

    def __init__(self, localhub: Localhub) -> None:
        self._hub = localhub
        self._due = localhub.clock.now() + FIRST
        self._repacking_due = self._due

    def go_on(self, stopping: threading.Event) -> None:
        """What is due; else a wait."""
        now = self._hub.clock.now()
        if now >= self._due:
            self._due = now + EVERY
            swept(self._hub, now)
        elif now >= self._repacking_due:
            self._repacking_due = now + REPACKED_EVERY
            for repository in self._hub.repositories.all():
                self._hub.bare.repack(repository.name, self._hub.settings.keep_days)
        else:
            stopping.wait(LOOK_SECONDS)


def swept(localhub: Localhub, now: datetime) -> Swept:
    """Removes what is older, or more, than is kept; what has not ended stays."""
    settings, runs = localhub.settings, 0
    for repository in localhub.repositories.all():
        before = now - timedelta(days=settings.keep_days)
        for run in localhub.runs.beyond(repository.name, settings.keep_runs, before):
            with contextlib.suppress(ConflictError):  # it was begun anew meanwhile
                forget(localhub, run)
                runs += 1
    unused = now - CACHE_UNUSED
    caches = [c for r in localhub.repositories.all() for c in localhub.files.unused(r.name, unused)]
    for cache in caches:
        localhub.files.delete_cache(cache)
    return Swept(runs, len(caches), _left_behind(localhub))


def forget(localhub: Localhub, run: Run) -> None:
    """Forgets a run that has ended, with its artifacts and the logs of all its attempts.

    Raises:
        ConflictError: If it has not.
    """
    localhub.engine.forget(run.id)
    for artifact in localhub.files.artifacts(run.repository, run_id=run.id):
        localhub.files.delete_artifact(artifact)
    for job in chain.from_iterable(attempt.jobs for attempt in run.attempts()):
        shutil.rmtree(localhub.jobs.log_folder(job.id), ignore_errors=True)


def _left_behind(localhub: Localhub) -> int:
    """Removes artifacts and logs whose run is gone: a server that ended in between left them."""
    artifacts = localhub.files.without_run()
    for artifact in artifacts:
        localhub.files.delete_artifact(artifact)
    root = localhub.jobs.log_folder(0).parent
    written = {int(path.name): path for path in root.iterdir() if path.name.isdigit()}
    unknown = localhub.runs.unknown_jobs(set(written))
    for job_id in unknown:
        shutil.rmtree(written[job_id], ignore_errors=True)
    return len(artifacts) + len(unknown)
