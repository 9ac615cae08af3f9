"""What git is told, turned into events; pushes were written down by a hook, so that none is lost."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from localhub.base.errors import LocalhubError, PlatformError
from localhub.hub import payloads, pulls
from localhub.hub.parts import JOBS, Localhub
from localhub.repositories import receipts
from localhub.repositories.bare import Pushed
from localhub.runs.contexts import ref_name
from localhub.runs.ports import StoreUnavailableError
from localhub.runs.records import Run
from localhub.runs.starting import FOLDER, Happened
from localhub.workflows import schedules
from localhub.workflows.reading import read

LOOK_EVERY_SECONDS = 0.1
AFTER_FAILURE_SECONDS = 1.0
STARTING = ("refs/heads/", "refs/tags/")
"""Refs whose pushes are events, as on GitHub; others, such as notes, are taken and start nothing."""
DEEPEST_CHAIN = 3  # levels of workflow_run, as on GitHub: two workflows may wait for one another
log = structlog.get_logger()


class Watcher:
    """Looks for pushes and for schedules that are due."""

    def __init__(self, localhub: Localhub) -> None:
        self._hub = localhub
        self._looked_at_schedules: datetime | None = None
        self._not_before: dict[str, float] = {}

    def run_forever(self, stopping: threading.Event) -> None:
        """Looks until *stopping* is set; where the store or git fails, it says so and looks again."""
        while not stopping.is_set():
            self.go_on(stopping)

    def go_on(self, stopping: threading.Event) -> None:
        """Waits a moment and looks once."""
        if stopping.wait(LOOK_EVERY_SECONDS):
            return
        try:
            self.look()
        except Exception as problem:  # noqa: BLE001 - the loop: the store may be there again
            _say("looking_for_pushes_failed", problem)
            stopping.wait(AFTER_FAILURE_SECONDS)

    def look(self) -> None:
        """Takes all pushes, and once a minute what is due.

        What fails at one repository is no other's: it is said, and looked at again.
        """
        for repository in self._hub.repositories.all():
            self._alone(repository.name, self.take_pushes)
        minute = self._hub.clock.now().replace(second=0, microsecond=0)
        if minute != self._looked_at_schedules:
            self._looked_at_schedules = minute
            self.start_what_is_due()

    def _alone(self, repository: str, take: Callable[[str], object]) -> None:
        """*take* what is new in one repository, unless it failed a moment ago."""
        if time.monotonic() < self._not_before.get(repository, 0.0):
            return
        try:
            take(repository)
        except StoreUnavailableError:
            raise  # it is everybody's
        except Exception as problem:  # noqa: BLE001 - one repository's fault
            self._not_before[repository] = time.monotonic() + AFTER_FAILURE_SECONDS
            _say("a_repository_could_not_be_looked_at", problem, repository=repository)

    def take_pushes(self, repository: str) -> int:
        """Turns pushes written down into events; returns how many there were."""
        taken = 0
        for receipt in receipts.waiting(self._hub.bare.folder(repository)):
            for number, moved in enumerate(receipt.moved, 1):
                try:
                    later = [each.ref for each in receipt.moved[number:] if each.created]
                    self._pushed(repository, moved, receipt.actor, later)
                except (PlatformError, StoreUnavailableError):
                    raise  # git or the store failed, not the push: it is looked at again
                except LocalhubError as problem:
                    words = problem.message
                    log.warning("push_not_understood", repository=repository, ref=moved.ref, problem=words)
                except Exception:  # one push that nobody thought of must not keep the later ones waiting
                    log.exception("push_not_understood", repository=repository, ref=moved.ref)
                receipts.strike(receipt, number)
            taken += 1
        return taken

    def _pushed(self, repository: str, pushed: Pushed, actor: str, later: list[str]) -> None:
        if not pushed.ref.startswith(STARTING):
            return
        with self._hub.changing:
            found = self._hub.repositories.get(repository)
            if found is None:
                return
            self._hub.repositories.save(replace(found, pushed_at=self._hub.clock.now()))
        branch = ref_name(pushed.ref) if pushed.ref.startswith("refs/heads/") else None
        if pushed.deleted:
            if branch is not None:
                pulls.branch_deleted(self._hub, repository, branch, actor)
            return
        sha = self._hub.bare.resolve(repository, pushed.after)
        if actor != JOBS:
            self._start(repository, pushed, sha, actor, later)
        if branch is not None:
            pulls.branch_moved(self._hub, repository, branch, actor)

    def _start(self, repository: str, pushed: Pushed, sha: str, actor: str, later: list[str]) -> None:
        commit = self._hub.bare.commit(repository, sha)
        before: str | None = pushed.before
        if pushed.created:
            before = self._hub.bare.before_new(repository, (pushed.ref, *later), sha)
        self._hub.starter.happened(
            Happened(
                repository=repository,
                event="push",
                ref=pushed.ref,
                sha=sha,
                actor=actor,
                payload=payloads.push(self._hub, repository, pushed, commit, actor, later),
                before=before,
                title=commit.message.splitlines()[0] if commit.message else sha[:7],
                message=commit.message,
            )
        )

    def start_what_is_due(self) -> None:
        """Schedules of the default branch whose time has come since they were last looked at."""
        for repository in self._hub.repositories.all():
            ref = f"refs/heads/{repository.default_branch}"
            self._alone(repository.name, functools.partial(self._due, ref))

    def _due(self, ref: str, repository: str) -> None:
        sha = self._hub.bare.refs(repository).get(ref)
        if sha is None:
            return
        for path, text in self._hub.bare.files(repository, sha, FOLDER).items():
            if "schedule" in text:
                self._schedule(repository, ref, sha, path, text)

    def _schedule(self, repository: str, ref: str, sha: str, path: str, text: str) -> None:
        now = self._hub.clock.now()
        try:
            workflow = read(text, path)
        except LocalhubError:
            return
        known = self._hub.repositories.known(repository, path, workflow.name, now)
        last = known.schedule_checked_at or now - timedelta(minutes=1)
        self._hub.repositories.save_workflow(replace(known, schedule_checked_at=now))
        trigger = workflow.on.get("schedule")
        for each in trigger.schedules if trigger else ():
            if schedules.next_time(each.cron, last, each.timezone) <= now:
                user = self._hub.settings.user
                about = payloads.about(self._hub, repository, user)
                payload = {"schedule": each.cron, "workflow": path, **about}
                self._hub.starter.happened(
                    Happened(repository, "schedule", ref, sha, user, payload, only=path, cron=each.cron)
                )


def _say(event: str, problem: Exception, **about: str) -> None:
    """Say what failed; the log may be on the disk that is full."""
    with contextlib.suppress(OSError, ValueError):
        log.error(event, problem=f"{type(problem).__name__}: {problem}", exc_info=problem, **about)


def _level(localhub: Localhub, run: Run | None) -> int:
    """How many runs started one another by ending until this one was started."""
    level = 0
    while run is not None and run.event == "workflow_run":
        level += 1
        run = localhub.runs.get(int(run.payload["workflow_run"]["id"]))
    return level


def run_ended(localhub: Localhub, run: Run) -> None:
    """Starts what waits for the run to complete (`on: workflow_run`), at the default branch."""
    if _level(localhub, run) >= DEEPEST_CHAIN:
        return
    repository = localhub.repositories.get(run.repository)
    if repository is None:
        return
    ref = f"refs/heads/{repository.default_branch}"
    sha = localhub.bare.refs(run.repository).get(ref)
    if sha is None:
        return
    localhub.starter.happened(
        Happened(
            run.repository,
            "workflow_run",
            ref,
            sha,
            run.actor,
            payloads.workflow_run(localhub, repository, run),
            action="completed",
            workflow=run.name,
            workflow_branch=run.head_branch,
        )
    )
