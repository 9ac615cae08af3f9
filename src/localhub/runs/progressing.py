"""What becomes of a job: by what is reported of it, and when nobody is left who could report."""

from dataclasses import replace
from datetime import datetime

from localhub.runs.ports import Progress
from localhub.runs.records import Annotation, Conclusion, Job, Run, Status

LOST = "The runner has lost communication with the server: localhub was ended while this job ran."


def with_progress(job: Job, progress: Progress, now: datetime) -> Job:
    """The job as far as it has come."""
    changed = replace(
        job,
        steps=progress.steps or job.steps,
        annotations=progress.annotations or job.annotations,
        summary=progress.summary,
        process_id=progress.process_id,
    )
    if progress.conclusion is None:
        return changed
    return replace(
        changed,
        status=Status.COMPLETED,
        conclusion=progress.conclusion,
        completed_at=now,
        outputs=progress.outputs,
        process_id=None,
    )


def ended(job: Job, conclusion: Conclusion, now: datetime, words: str = "") -> Job:
    """The job ended, for a reason that is not its own."""
    remarks = (Annotation("failure", words),) if words else ()
    return replace(
        job,
        status=Status.COMPLETED,
        conclusion=conclusion,
        started_at=job.started_at or now,
        completed_at=now,
        annotations=(*job.annotations, *remarks),
        process_id=None,
    )


def given_up(run: Run, words: str, now: datetime) -> Run:
    """The run ended because it cannot go on, and with it those of its jobs that have not."""
    jobs = tuple(job if job.done else ended(job, Conclusion.CANCELLED, now) for job in run.jobs)
    conclusion = Conclusion.FAILURE if jobs else Conclusion.STARTUP_FAILURE
    remarks = (*run.annotations, Annotation("failure", words, run.path))
    changed = replace(run, jobs=jobs, annotations=remarks, updated_at=now)
    return replace(changed, status=Status.COMPLETED, conclusion=conclusion)


def lost(job: Job, now: datetime) -> Job:
    """The job whose server was ended: so are its steps."""
    steps = tuple(
        step
        if step.status is Status.COMPLETED
        else replace(step, status=Status.COMPLETED, conclusion=_unfinished(step.status), completed_at=now)
        for step in job.steps
    )
    conclusion = Conclusion.CANCELLED if job.cancelling else Conclusion.FAILURE
    return replace(ended(job, conclusion, now, LOST), steps=steps)


def _unfinished(status: Status) -> Conclusion:
    return Conclusion.FAILURE if status is Status.IN_PROGRESS else Conclusion.SKIPPED
