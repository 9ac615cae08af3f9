"""What has to happen next to a run: pure, so that it can be done again after any crash.

A pass looks at every frame (the workflow, and each reusable workflow it calls) and every job in it: a job
whose needs have ended is judged by its `if` and becomes jobs, a frame, or is skipped; a node whose jobs have
ended has a conclusion; the run ends when all nodes have.
"""

from dataclasses import replace

from localhub.base.errors import LocalhubError
from localhub.runs import bounds, calling, conditions, making, progressing
from localhub.runs.frames import Frame, frame_of, frames
from localhub.runs.passes import Pass
from localhub.runs.records import Annotation, Conclusion, Job, Node, Run, Status, worst
from localhub.workflows import graph
from localhub.workflows.definitions import Job as WorkflowJob


def advanced(run: Run, this: Pass) -> Run:
    """The run after one pass; the same run where there is nothing to do.

    Raises:
        LocalhubError: If the run as a whole cannot go on: a file of it cannot be read, or it grows too large.
    """
    if run.done:
        return run
    before = None
    while run is not before and not run.done:
        before = run
        for frame in list(frames(run, this.read)):
            for job_id in graph.ordered(frame.workflow):
                run = _node_advanced(run, frame, frame.workflow.jobs[job_id], this)
        run = _ended(run, this)
    return run


def _node_advanced(run: Run, frame: Frame, job: WorkflowJob, this: Pass) -> Run:
    path = frame.prefix + job.id
    node = run.nodes.get(path)
    if node is None:
        nodes = {need: run.nodes.get(frame.prefix + need) for need in job.needs}
        if any(each is None or each.conclusion is None for each in nodes.values()):
            return run
        run = _begun(run, frame, job, this)
        bounds.check(run, this.read)
        return run
    if node.conclusion is not None:
        return run
    if node.callee is not None:
        return calling.ended(run, node, this)
    return _jobs_ended(run, node, this)


def _begun(run: Run, frame: Frame, job: WorkflowJob, this: Pass) -> Run:
    """A job whose needs have ended: skipped, called or made."""
    path = frame.prefix + job.id
    try:
        if not conditions.holds(run, frame, job, this.around):
            return _skipped(run, frame, job, this)
        scope = conditions.scope(run, frame, job, this.around)
        combinations = making.combinations(job, scope)
        if job.call is not None:
            return calling.called(run, frame, job, combinations, this)
        node = making.node_of(path, job, scope)
        jobs = [
            making.made(run, frame, job, node, combinations, index, this)
            for index in range(len(combinations))
        ]
    except LocalhubError as problem:
        return _refused(run, frame, job, problem.message, this)
    return replace(run, nodes={**run.nodes, path: node}, jobs=(*run.jobs, *jobs))


def _skipped(run: Run, frame: Frame, job: WorkflowJob, this: Pass) -> Run:
    """A job whose `if` does not hold: one that is skipped, whatever its matrix, its name as written."""
    conclusion = Conclusion.SKIPPED
    return _without_running(run, frame, job, conclusion, (), this)


def _refused(run: Run, frame: Frame, job: WorkflowJob, words: str, this: Pass) -> Run:
    """A job that cannot be made: it fails and says why."""
    return _without_running(
        run, frame, job, Conclusion.FAILURE, (Annotation("failure", words, path=run.path),), this
    )


def _without_running(
    run: Run,
    frame: Frame,
    job: WorkflowJob,
    conclusion: Conclusion,
    annotations: tuple[Annotation, ...],
    this: Pass,
) -> Run:
    path = frame.prefix + job.id
    record = Job(
        id=this.next_id("jobs"),
        node=path,
        index=0,
        name=frame.title + (job.name or job.id),
        attempt=run.attempt,
        status=Status.COMPLETED,
        created_at=this.now,
        conclusion=conclusion,
        started_at=this.now,
        completed_at=this.now,
        annotations=annotations,
    )
    return replace(run, nodes={**run.nodes, path: Node(path, conclusion)}, jobs=(*run.jobs, record))


def _jobs_ended(run: Run, node: Node, this: Pass) -> Run:
    """A node's conclusion once its jobs have ended; until then fail-fast ends the others."""
    jobs = run.of(node.path)
    failed = any(job.done and job.result is Conclusion.FAILURE for job in jobs)
    if failed and node.fail_fast:
        run = _stopped(run, [job for job in jobs if not job.done], this)
        jobs = run.of(node.path)
    if not all(job.done for job in jobs):
        return run
    outputs: dict[str, str] = {}
    for job in sorted(jobs, key=lambda job: job.completed_at or this.now):
        outputs |= job.outputs
    changed = replace(node, conclusion=worst([job.result for job in jobs]), outputs=outputs)
    return replace(run, nodes={**run.nodes, node.path: changed})


def _stopped(run: Run, jobs: list[Job], this: Pass) -> Run:
    """Ends jobs: those that have not begun at once, the others by asking."""
    for job in jobs:
        if job.status is Status.IN_PROGRESS:
            if not job.cancelling:
                run = run.with_job(replace(job, cancelling=True))
        else:
            run = run.with_job(progressing.ended(job, Conclusion.CANCELLED, this.now))
    return run


def _ended(run: Run, this: Pass) -> Run:
    """The run as its jobs make it: waiting, in progress or completed."""
    if run.cancelling:
        waiting = [job for job in run.jobs if not job.done and not _survives(run, job, this)]
        run = _stopped(run, waiting, this)
    open_nodes = [
        frame.prefix + job_id
        for frame in frames(run, this.read)
        for job_id in frame.workflow.jobs
        if (node := run.nodes.get(frame.prefix + job_id)) is None or node.conclusion is None
    ]
    if not open_nodes:
        top = [run.nodes[job_id].conclusion for job_id in this.read(run.path).jobs]
        conclusion = Conclusion.CANCELLED if run.cancelling else worst(top)
        return replace(run, status=Status.COMPLETED, conclusion=conclusion, updated_at=this.now)
    status = _status(run)
    return run if status is run.status else replace(run, status=status, updated_at=this.now)


def _survives(run: Run, job: Job, this: Pass) -> bool:
    """Whether a job goes on in a cancelled run: its `if` says always(), or cancelled()."""
    if job.status is Status.IN_PROGRESS and job.cancelling:
        return False
    frame = frame_of(run, job.node, this.read)
    definition = frame.workflow.jobs[job.node.rsplit("/", 1)[-1]]
    try:
        return conditions.holds(run, frame, definition, this.around)
    except LocalhubError:
        return False


def _status(run: Run) -> Status:
    if run.status is Status.PENDING:
        return Status.PENDING
    if any(job.status is Status.IN_PROGRESS for job in run.jobs):
        return Status.IN_PROGRESS
    waiting = [job for job in run.jobs if not job.done]
    if waiting and all(job.status is Status.WAITING for job in waiting):
        return Status.WAITING
    return Status.IN_PROGRESS if any(job.done and job.steps for job in run.jobs) else Status.QUEUED
