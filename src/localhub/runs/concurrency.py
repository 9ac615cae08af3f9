"""Concurrency groups: one at work and one waiting in each, of all runs, calls and jobs of a repository.

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

WHOLE = ""
"""The name of a unit that is a whole run."""


MOST_WAITING = 100
"""With `queue: max`; else one."""


def settled(runs: Iterable[Run], now: datetime) -> list[Run]:
    """The runs that change: held back, let go or cancelled by their groups, or some of whose jobs are.

    Runs, calls and jobs are one line in a group: one at work (or first in it), and one that waits, or as many
    as `queue: max` lets. Who comes newest makes the others that wait give way.

    Args:
        runs: All that have not ended, of any repository.
        now: For what ends here.
    """
    found = {run.id: run for run in runs}
    changed: dict[int, Run] = {}
    for (_, group), units in _units(found.values()).items():
        for unit in _giving_way(units):
            changed[unit.run.id] = unit.ended(changed.get(unit.run.id, unit.run), group, now)
        first = units[0]
        if first.name == WHOLE and not first.at_work and first.run.id not in changed:
            changed[first.run.id] = replace(first.run, status=Status.QUEUED, updated_at=now)
    return list(changed.values())


def _giving_way(units: list["_Unit"]) -> list["_Unit"]:
    first, *waiting = units
    if not waiting:
        return []
    newest = waiting[-1]
    ends_first = newest.cancel_in_progress and not first.cancelling
    most = MOST_WAITING if newest.queue_max else 1
    return [*([first] if ends_first else []), *waiting[:-most]]


def claims(unit: str, *written: tuple[Concurrency | None, Scope]) -> list[Claim]:
    """The groups of a call: the calling job's and the called workflow's own."""
    found = []
    for concurrency, scope in written:
        group = "" if concurrency is None else interpolate(concurrency.group, scope)
        if concurrency is not None and group:
            cancels = truthy(evaluate_template(concurrency.cancel_in_progress, scope))
            found.append(Claim(group, unit, cancels, concurrency.queue_max))
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
    """What has a group, or waits for it: a run (WHOLE), one job, or a call with all of its jobs."""

    run: Run
    name: str
    cancel_in_progress: bool
    queue_max: bool
    jobs: tuple[Job, ...] = ()

    @property
    def order(self) -> tuple[datetime, int]:
        """When it came, and after what else that came then."""
        if self.name == WHOLE:
            return self.run.started_at, self.run.id
        first = min(self.jobs, key=lambda job: job.id)
        return first.created_at, first.id

    @property
    def at_work(self) -> bool:
        """Whether something of it was started in this attempt, and it has not ended."""
        if self.name == WHOLE:
            return self.run.status is not Status.PENDING
        begun = any(
            job.status is Status.IN_PROGRESS or (job.done and job.steps and job.log_of is None)
            for job in self.jobs
        )
        return begun and not self._ended

    @property
    def ready(self) -> bool:
        """Whether something of it could start; a job that waits for approval keeps nobody waiting."""
        return self.name == WHOLE or any(job.status is Status.QUEUED for job in self.jobs)

    @property
    def _ended(self) -> bool:
        if not self.name.endswith("/"):
            return all(job.done for job in self.jobs)
        inner = [node for path, node in self.run.nodes.items() if path.startswith(self.name)]
        return all(node.conclusion is not None for node in inner)

    @property
    def cancelling(self) -> bool:
        return self.run.cancelling if self.name == WHOLE else any(job.cancelling for job in self.jobs)

    def ended(self, run: Run, group: str, now: datetime) -> Run:
        """Its *run* once it makes way for a newer one."""
        if self.name == WHOLE:
            if self.at_work:
                return replace(run, cancelling=True, updated_at=now)
            over = replace(run, status=Status.COMPLETED, conclusion=Conclusion.CANCELLED)
            return replace(over, cancelling=True, updated_at=now)
        for job in self.jobs:
            if job.status in {Status.QUEUED, Status.WAITING, Status.IN_PROGRESS}:
                run = run.with_job(_ending(job, group, now))
        return run


def _units(runs: Iterable[Run]) -> dict[tuple[str, str], list[_Unit]]:
    """Those that have not ended, by repository and group, in the order in which they came."""
    groups: dict[tuple[str, str], list[_Unit]] = {}
    for run in runs:
        if run.group and not run.done:
            whole = _Unit(run, WHOLE, run.cancel_in_progress, run.queue_max)
            groups.setdefault((run.repository, run.group.lower()), []).append(whole)
        found: dict[tuple[str, str], tuple[Claim, list[Job]]] = {}
        for job in run.jobs:
            for claim in job.claims:
                found.setdefault((claim.group.lower(), claim.unit), (claim, []))[1].append(job)
        for (group, name), (claim, jobs) in found.items():
            unit = _Unit(run, name, claim.cancel_in_progress, claim.queue_max, tuple(jobs))
            if unit.at_work or unit.ready:
                groups.setdefault((run.repository, group), []).append(unit)
    for units in groups.values():
        units.sort(key=lambda unit: (not unit.at_work, unit.order))
    return groups


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
    units = _units(other for other in runs if other.repository == run.repository)
    return any((units[key][0].run.id, units[key][0].name) != (run.id, unit) for key, unit in wanted.items())
