"""Which job starts next: one of the run that was served longest ago, so that runs share the machine."""

from collections.abc import Sequence

from localhub.runs import concurrency
from localhub.runs.records import Job, Run, Status


class Turns:
    """Remembers in which order runs were served."""

    def __init__(self) -> None:
        self._served = 0
        self._last: dict[int, int] = {}  # by run

    def next(self, runs: Sequence[Run]) -> tuple[Run, Job] | None:
        """A job that may start now, and its run, which has had its turn by that; None: there is none."""
        for run in sorted(runs, key=lambda run: self._last.get(run.id, 0)):
            if run.status is Status.PENDING:
                continue
            for job in run.jobs:
                if job.status is Status.QUEUED and not _held(run, job, runs):
                    self._served += 1
                    self._last[run.id] = self._served
                    return run, job
        return None

    def forget(self, run_id: int) -> None:
        """A run that has ended."""
        self._last.pop(run_id, None)


def _held(run: Run, job: Job, runs: Sequence[Run]) -> bool:
    node = run.nodes[job.node]
    at_work = sum(each.status is Status.IN_PROGRESS for each in run.of(job.node))
    if node.max_parallel is not None and at_work >= node.max_parallel:
        return True
    return concurrency.held(job, run, runs)
