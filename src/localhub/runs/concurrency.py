"""Concurrency groups: at most one at work and one waiting in each, among all runs of a repository.

A call of a reusable workflow has the group of the job that calls, and that of the workflow that is called,
from its first job's start to its last one's end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from localhub.base.errors import InputError
from localhub.expressions import Scope, evaluate_template, interpolate, truthy
from localhub.runs import progressing
from localhub.runs.records import Claim, Conclusion, Job, Run, Status
from localhub.workflows.definitions import Concurrency


def settled(runs: Iterable[Run], now: datetime) -> list[Run]:
    """The runs that change: held back, let go or cancelled by their groups.

    Args:
        runs: All that have not ended, of any repository, oldest first.
        now: For runs that end here.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    runs = list(runs)
    for run in runs:
        if run.group and not run.done:
            groups.setdefault((run.repository, run.group.lower()), []).append(run)
    units = _units(runs) if groups else {}
    changed = []
    for key, members in groups.items():
        taken = any(unit.at_work for unit in units.get(key, []))
        changed += _group_settled(members, now, taken=taken)
    return changed


def _group_settled(members: list[Run], now: datetime, *, taken: bool) -> list[Run]:
    at_work = [run for run in members if run.status is not Status.PENDING]
    pending = [run for run in members if run.status is Status.PENDING]
    changed = [_superseded(run, now) for run in pending[:-1]]
    if not pending:
        return changed
    newest = pending[-1]
    if not at_work and not taken:
        return [*changed, replace(newest, status=Status.QUEUED, updated_at=now)]
    if newest.cancel_in_progress:
        changed += [replace(run, cancelling=True, updated_at=now) for run in at_work if not run.cancelling]
    return changed


def _superseded(run: Run, now: datetime) -> Run:
    """A waiting run makes way for a newer one."""
    return replace(
        run, status=Status.COMPLETED, conclusion=Conclusion.CANCELLED, cancelling=True, updated_at=now
    )


def claims(unit: str, *written: tuple[Concurrency | None, Scope]) -> list[Claim]:
    """The groups of a call: the calling job's and the called workflow's own."""
    found = []
    for concurrency, scope in written:
        group = "" if concurrency is None else interpolate(concurrency.group, scope)
        if concurrency is not None and group:
            cancels = truthy(evaluate_template(concurrency.cancel_in_progress, scope))
            found.append(Claim(group, unit, cancels))
    return found


def refuse_deadlock(run: Run, around: Sequence[Claim], wanted: Sequence[Claim], name: str) -> None:
    """Refuse what would wait for its own caller for ever.

    Args:
        run: Whose own group is the outermost.
        around: The groups of the calls that it is in.
        wanted: The groups that it wants.
        name: Of the job, for the words.

    Raises:
        InputError: If one of them is a caller's, or wanted twice.
    """
    taken = {run.group.lower(): "top level workflow"} if run.group else {}
    taken |= {claim.group.lower(): claim.unit.rstrip("/").partition("[")[0] for claim in around}
    for claim in wanted:
        by = taken.get(claim.group.lower())
        if by is not None:
            raise InputError(
                f"Canceling since a deadlock for concurrency group '{claim.group}' was detected"
                f" between '{by}' and '{name}'"
            )
        taken[claim.group.lower()] = name


@dataclass(frozen=True)
class _Unit:
    """What has a group, or waits for it: one job, or a call with all of its jobs."""

    run: Run
    name: str
    cancel_in_progress: bool
    jobs: tuple[Job, ...]

    @property
    def order(self) -> int:
        return min(job.id for job in self.jobs)

    @property
    def at_work(self) -> bool:
        """Whether something of it was started in this attempt, and it has not ended."""
        begun = any(
            job.status is Status.IN_PROGRESS or (job.done and job.steps and job.log_of is None)
            for job in self.jobs
        )
        return begun and not self._ended

    @property
    def ready(self) -> bool:
        """Whether something of it could start; a job that waits for approval keeps nobody waiting."""
        return any(job.status is Status.QUEUED for job in self.jobs)

    @property
    def _ended(self) -> bool:
        if not self.name.endswith("/"):
            return all(job.done for job in self.jobs)
        inner = [node for path, node in self.run.nodes.items() if path.startswith(self.name)]
        return all(node.conclusion is not None for node in inner)

    @property
    def cancelling(self) -> bool:
        return any(job.cancelling for job in self.jobs)


def _units(runs: Iterable[Run]) -> dict[tuple[str, str], list[_Unit]]:
    """Those that have not ended, by repository and group, in the order in which they came."""
    groups: dict[tuple[str, str], list[_Unit]] = {}
    for run in runs:
        found: dict[tuple[str, str], tuple[bool, list[Job]]] = {}
        for job in run.jobs:
            for claim in job.claims:
                key = (claim.group.lower(), claim.unit)
                found.setdefault(key, (claim.cancel_in_progress, []))[1].append(job)
        for (group, name), (cancels, jobs) in found.items():
            unit = _Unit(run, name, cancels, tuple(jobs))
            if unit.at_work or unit.ready:
                groups.setdefault((run.repository, group), []).append(unit)
    for units in groups.values():
        units.sort(key=lambda unit: (not unit.at_work, unit.order))
    return groups


def jobs_settled(runs: Iterable[Run], now: datetime) -> list[Run]:
    """The runs some of whose jobs make way for newer ones of the groups of jobs and calls.

    The same rule as for runs, also among the jobs of a matrix: one at work (or first in line), one waiting.

    Args:
        runs: All that have not ended, of any repository.
        now: For jobs that end here.
    """
    found = {run.id: run for run in runs}
    changed: dict[int, Run] = {}
    for (_, group), units in _units(found.values()).items():
        for unit in _giving_way(units):
            for job in unit.jobs:
                if job.status in {Status.QUEUED, Status.WAITING, Status.IN_PROGRESS}:
                    run = changed.get(unit.run.id, unit.run)
                    changed[run.id] = run.with_job(_ending(job, group, now))
    return list(changed.values())


def _giving_way(units: list[_Unit]) -> list[_Unit]:
    first, *waiting = units
    ends_others = bool(waiting) and waiting[-1].cancel_in_progress
    return [*([first] if ends_others and not first.cancelling else []), *waiting[:-1]]


def _ending(job: Job, group: str, now: datetime) -> Job:
    if job.status is Status.IN_PROGRESS:
        return replace(job, cancelling=True)
    words = f"Canceling since a higher priority waiting request for '{group}' exists"
    return progressing.ended(job, Conclusion.CANCELLED, now, words)


def held(job: Job, run: Run, runs: Iterable[Run]) -> bool:
    """Whether a job must wait for another of its groups: one at work, or one that came first."""
    wanted = {(run.repository, claim.group.lower()): claim.unit for claim in job.claims}
    if not wanted:
        return False
    others = [other for other in runs if other.repository == run.repository]
    units = _units(others)
    return any(
        (units[key][0].run.id, units[key][0].name) != (run.id, unit) or _by_a_run(key[1], run, others)
        for key, unit in wanted.items()
    )


def _by_a_run(group: str, own: Run, runs: Iterable[Run]) -> bool:
    """Whether a whole run is at work in *group*."""
    return any(
        run.group.lower() == group and run.status is not Status.PENDING
        for run in runs
        if run.group and run.id != own.id
    )
