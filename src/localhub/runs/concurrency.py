"""Concurrency groups: at most one at work and one waiting in each, among all runs of a repository."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from localhub.runs import progressing
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


def jobs_settled(runs: Iterable[Run], now: datetime) -> list[Run]:
    """The runs some of whose jobs make way for newer ones of the jobs' own groups.

    The same rule as for runs, also among the jobs of a matrix: one at work (or first in line), one waiting.

    Args:
        runs: All that have not ended, of any repository.
        now: For jobs that end here.
    """
    found = {run.id: run for run in runs}
    groups: dict[tuple[str, str], list[tuple[int, Job]]] = {}
    for run in found.values():
        for job in run.jobs:
            if job.group and job.status in {Status.QUEUED, Status.IN_PROGRESS}:
                groups.setdefault((run.repository, job.group.lower()), []).append((run.id, job))
    changed: dict[int, Run] = {}
    for members in groups.values():
        for run_id, job in _giving_way(members):
            changed[run_id] = changed.get(run_id, found[run_id]).with_job(_ending(job, now))
    return list(changed.values())


def _giving_way(members: list[tuple[int, Job]]) -> list[tuple[int, Job]]:
    at_work, *waiting = sorted(members, key=lambda each: (each[1].status is Status.QUEUED, each[1].id))
    ends_others = bool(waiting) and waiting[-1][1].cancel_in_progress
    return [*([at_work] if ends_others and not at_work[1].cancelling else []), *waiting[:-1]]


def _ending(job: Job, now: datetime) -> Job:
    if job.status is Status.IN_PROGRESS:
        return replace(job, cancelling=True)
    words = f"Canceling since a higher priority waiting request for '{job.group}' exists"
    return progressing.ended(job, Conclusion.CANCELLED, now, words)


def held(job: Job, run: Run, runs: Iterable[Run]) -> bool:
    """Whether a job must wait for another of its own group: one at work, or one that came first."""
    if not job.group:
        return False
    return any(
        each.status is Status.IN_PROGRESS or (each.status is Status.QUEUED and each.id < job.id)
        for other in runs
        if other.repository == run.repository
        for each in other.jobs
        if each.id != job.id and each.group is not None and each.group.lower() == job.group.lower()
    )
