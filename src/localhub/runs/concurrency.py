"""Concurrency groups: at most one at work and one waiting in each, among all runs of a repository."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from localhub.runs.records import Conclusion, Job, Run, Status


def settled(runs: Iterable[Run], now: datetime) -> list[Run]:
    """The runs that change: held back, let go or cancelled by their groups.

    Args:
        runs: All that have not ended, of any repository, oldest first.
        now: For runs that end here.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.group and not run.done:
            groups.setdefault((run.repository, run.group.lower()), []).append(run)
    changed = []
    for members in groups.values():
        changed += _group_settled(members, now)
    return changed


def _group_settled(members: list[Run], now: datetime) -> list[Run]:
    at_work = [run for run in members if run.status is not Status.PENDING]
    pending = [run for run in members if run.status is Status.PENDING]
    changed = [_superseded(run, now) for run in pending[:-1]]
    if not pending:
        return changed
    newest = pending[-1]
    if not at_work:
        return [*changed, replace(newest, status=Status.QUEUED, updated_at=now)]
    if newest.cancel_in_progress:
        changed += [replace(run, cancelling=True, updated_at=now) for run in at_work if not run.cancelling]
    return changed


def _superseded(run: Run, now: datetime) -> Run:
    """A waiting run makes way for a newer one."""
    return replace(
        run, status=Status.COMPLETED, conclusion=Conclusion.CANCELLED, cancelling=True, updated_at=now
    )


def held(job: Job, run: Run, runs: Iterable[Run]) -> bool:
    """Whether a job must wait for another of its own group."""
    if job.group is None:
        return False
    for other in runs:
        if other.repository != run.repository:
            continue
        for each in other.jobs:
            busy = each.status is Status.IN_PROGRESS and each.id != job.id
            if busy and each.group is not None and each.group.lower() == job.group.lower():
                return True
    return False
