"""Another attempt of a run: of all of it, of what failed, or of one job and what needs it."""

from dataclasses import replace
from datetime import datetime, timedelta

from localhub.base.errors import ConflictError, NotFoundError, RefusedError
from localhub.runs.frames import frames
from localhub.runs.passes import Pass
from localhub.runs.records import Conclusion, Job, Run, Status
from localhub.workflows import graph

MOST_AGAIN = 50
"""Each attempt is kept with the run: docs.github.com/actions, "Re-running workflows and jobs"."""
GOOD = {Conclusion.SUCCESS, Conclusion.SKIPPED}


def again(run: Run, this: Pass, actor: str, *, failed_only: bool = False, job_id: int | None = None) -> Run:
    """The run at its next attempt; jobs that need not run again are carried over with their logs.

    Raises:
        RefusedError: If the run has not ended, or was run again too often.
        ConflictError: If nothing of it failed.
        NotFoundError: If it has no such job.
    """
    if not run.done:
        raise RefusedError("This workflow is already running", hint="gh run cancel, or gh run watch")
    if run.attempt > MOST_AGAIN:
        raise RefusedError(
            f"run {run.id} was run again {MOST_AGAIN} times: no run is more often, as on GitHub",
            hint="push, or gh workflow run, for another",
        )
    again_nodes = _again(run, this, failed_only=failed_only, job_id=job_id)
    kept_nodes = {path: node for path, node in run.nodes.items() if path not in again_nodes}
    fresh = replace(
        _fresh(run, actor, this.now),
        nodes=kept_nodes,
        jobs=tuple(_carried(job, run, this) for job in run.jobs if job.node in kept_nodes),
        earlier=run.attempts(),
    )
    return _with_passed_entries(
        run, fresh, again_nodes, this, keep=failed_only or job_id is not None, only=job_id
    )


def _fresh(run: Run, actor: str, now: datetime) -> Run:
    # gh keeps the logs it fetched by the run and the second that its attempt started in.
    next_second = run.started_at.replace(microsecond=0) + timedelta(seconds=1)
    return replace(
        run,
        attempt=run.attempt + 1,
        status=Status.QUEUED,
        conclusion=None,
        started_at=max(now, next_second),
        updated_at=now,
        triggering_actor=actor,
        cancelling=False,
        reviews=(),
        annotations=(),
    )


def _again(run: Run, this: Pass, *, failed_only: bool, job_id: int | None) -> set[str]:
    """Paths of the nodes that run again, with all that need them."""
    if job_id is not None:
        job = run.job(job_id)
        if job is None:
            raise NotFoundError(f"run {run.id} has no job {job_id} in its latest attempt")
        return _with_dependents(run, {job.node}, this)
    if not failed_only:
        return set(run.nodes)
    failed = {path for path, node in run.nodes.items() if node.conclusion not in GOOD} | {
        job.node for job in run.jobs if job.conclusion not in GOOD
    }
    if not failed:
        raise ConflictError(
            "This workflow run has no failed jobs to run again", hint="gh run rerun without --failed"
        )
    return _with_dependents(run, failed, this)


def _with_dependents(run: Run, paths: set[str], this: Pass) -> set[str]:
    """These nodes, the callers they are in, and all that need any of them."""
    result = set(paths)
    for path in paths:
        parts = path.split("/")
        result |= {"/".join(parts[:depth]).rsplit("[", 1)[0] for depth in range(1, len(parts))}
    for frame in frames(run, this.read):
        for job_id in frame.workflow.jobs:
            needed = {frame.prefix + name for name in graph.ancestors(frame.workflow, job_id)}
            if needed & result:
                result.add(frame.prefix + job_id)
    return result


def _carried(job: Job, run: Run, this: Pass) -> Job:
    """A job that need not run again, as part of the new attempt."""
    return replace(job, id=this.next_id("jobs"), attempt=run.attempt + 1, log_of=job.log_of or job.id)


def _with_passed_entries(
    run: Run, fresh: Run, again: set[str], this: Pass, *, keep: bool, only: int | None
) -> Run:
    """Of a matrix only what failed (or was asked for) runs again; its other entries are carried over."""
    if not keep:
        return fresh
    for path in sorted(again):
        node = run.nodes.get(path)
        jobs = run.of(path)
        if node is None or node.callee is not None:
            if node is not None:
                fresh = replace(
                    fresh, nodes={**fresh.nodes, path: replace(node, conclusion=None, outputs={})}
                )
            continue
        asked = {
            job.id for job in jobs if (job.id == only if only is not None else job.conclusion not in GOOD)
        }
        if not asked or len(jobs) < 2:
            continue
        entries = tuple(
            _queued(job, run, this) if job.id in asked else _carried(job, run, this) for job in jobs
        )
        fresh = replace(
            fresh,
            nodes={**fresh.nodes, path: replace(node, conclusion=None, outputs={})},
            jobs=(*fresh.jobs, *entries),
        )
    return fresh


def _queued(job: Job, run: Run, this: Pass) -> Job:
    return replace(
        job,
        id=this.next_id("jobs"),
        attempt=run.attempt + 1,
        status=Status.QUEUED,
        conclusion=None,
        created_at=this.now,
        started_at=None,
        completed_at=None,
        steps=(),
        annotations=(),
        outputs={},
        summary="",
        cancelling=False,
        log_of=None,
        process_id=None,
    )
