"""What has to happen next to a run: pure, so that it can be done again after any crash.

A pass looks at every frame (the workflow, and each reusable workflow it calls) and every job in it: a job
whose needs have ended is judged by its `if` and becomes jobs, a frame, or is skipped; a node whose jobs have
ended has a conclusion; the run ends when all nodes have.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localhub.base.errors import InputError, LocalhubError
from localhub.expressions import Scope, evaluate_template, interpolate, text, truthy
from localhub.runs import conditions, contexts, progressing
from localhub.runs.contexts import Around
from localhub.runs.frames import Frame, Read, frame_of, frames
from localhub.runs.records import Annotation, Conclusion, Job, Node, Run, Status
from localhub.workflows import graph, inputs, matrices, references
from localhub.workflows.definitions import Job as WorkflowJob
from localhub.workflows.definitions import Trigger

DEEPEST_CALLS = 4  # reusable workflows calling one another, as on GitHub (ten since 2025)
MOST_JOBS = 256


@dataclass(frozen=True)
class Pass:
    """What one pass works with."""

    read: Read
    now: datetime
    next_id: Callable[[str], int]
    around: Around


def advanced(run: Run, this: Pass) -> Run:
    """The run after one pass; the same run where there is nothing to do."""
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
        return _begun(run, frame, job, this)
    if node.conclusion is not None:
        return run
    if node.callee is not None:
        return _call_ended(run, node, this)
    return _jobs_ended(run, node, this)


def _begun(run: Run, frame: Frame, job: WorkflowJob, this: Pass) -> Run:
    """A job whose needs have ended: skipped, called or made."""
    path = frame.prefix + job.id
    try:
        if not conditions.holds(run, frame, job, this.around):
            return _skipped(run, frame, job, this)
        scope = conditions.scope(run, frame, job, this.around)
        combinations = _combinations(job, scope)
        if job.call is not None:
            return _called(run, frame, job, combinations, this)
        node = _node(path, job, scope)
        jobs = [_made(run, frame, job, node, combinations, index, this) for index in range(len(combinations))]
    except LocalhubError as problem:
        return _refused(run, frame, job, problem.message, this)
    if len(run.jobs) + len(jobs) > MOST_JOBS * 4:
        return _refused(run, frame, job, f"a run has at most {MOST_JOBS * 4} jobs", this)
    return replace(run, nodes={**run.nodes, path: node}, jobs=(*run.jobs, *jobs))


def _node(path: str, job: WorkflowJob, scope: Scope) -> Node:
    if job.strategy is None:
        return Node(path)
    fail_fast = _flag(job.strategy.fail_fast, scope)
    return Node(path, fail_fast=fail_fast, max_parallel=_count(job.strategy.max_parallel, scope))


def _combinations(job: WorkflowJob, scope: Scope) -> list[dict[str, Any]]:
    if job.strategy is None or job.strategy.matrix is None:
        return [{}]
    found = matrices.combinations(evaluate_template(job.strategy.matrix, scope))
    if not found:
        raise InputError(f"jobs.{job.id}: the matrix is empty")
    return found


def _flag(value: Any, scope: Scope) -> bool:
    return truthy(evaluate_template(value, scope))


def _count(value: Any, scope: Scope) -> int | None:
    if value is None:
        return None
    number = evaluate_template(value, scope)
    if isinstance(number, str) and number.isdigit():
        number = float(number)
    if not isinstance(number, float | int) or number < 1:
        raise InputError(f"max-parallel is {number!r}: a number from 1")
    return int(number)


def _made(
    run: Run,
    frame: Frame,
    job: WorkflowJob,
    node: Node,
    combinations: list[dict[str, Any]],
    index: int,
    this: Pass,
) -> Job:
    """One job of a matrix, with all that is known before it runs."""
    combination = combinations[index]
    strategy = contexts.strategy(node, index, len(combinations))
    scope = conditions.scope(run, frame, job, this.around, matrix=combination, strategy=strategy)
    environment = None if job.environment is None else interpolate(job.environment.name, scope)
    minutes = 360.0 if job.timeout_minutes is None else evaluate_template(job.timeout_minutes, scope)
    group = None if job.concurrency is None else interpolate(job.concurrency.group, scope)
    return Job(
        id=this.next_id("jobs"),
        node=frame.prefix + job.id,
        index=index,
        name=frame.title + _name(job, combination, scope),
        attempt=run.attempt,
        status=Status.QUEUED,
        created_at=this.now,
        labels=_labels(job, scope),
        matrix=combination,
        environment=environment or None,
        group=group,
        cancel_in_progress=job.concurrency is not None and _flag(job.concurrency.cancel_in_progress, scope),
        tolerated=_flag(job.continue_on_error, scope),
        timeout_seconds=_seconds(minutes),
    )


def _name(job: WorkflowJob, combination: dict[str, Any], scope: Scope) -> str:
    """A job's name: with its entry of the matrix, unless the name says itself which one it is."""
    if job.name is not None and "${{" in job.name:
        return interpolate(job.name, scope)
    return matrices.job_name(job.name or job.id, combination)


def _labels(job: WorkflowJob, scope: Scope) -> tuple[str, ...]:
    labels: list[str] = []
    for written in job.runs_on.labels if job.runs_on else ():
        value = evaluate_template(written, scope)
        labels += [text(each) for each in value] if isinstance(value, list) else [text(value)]
    if not any(labels):
        raise InputError(f"jobs.{job.id}.runs-on names no label")
    return tuple(labels)


def _seconds(minutes: Any) -> float:
    try:
        number = float(minutes)
    except (TypeError, ValueError):
        raise InputError(f"timeout-minutes is {minutes!r}: a number of minutes") from None
    if not 0 < number <= 360 * 24:
        raise InputError(f"timeout-minutes is {number:g}: more than 0")
    return number * 60


def _called(run: Run, frame: Frame, job: WorkflowJob, combinations: list[dict[str, Any]], this: Pass) -> Run:
    """A reusable workflow, once an entry of the matrix."""
    if job.call is None:
        return run
    path = frame.prefix + job.id
    callee = _local(job.call.uses)
    if frame.depth + 1 > DEEPEST_CALLS:
        raise InputError(f"jobs.{job.id}: reusable workflows call one another more than {DEEPEST_CALLS} deep")
    trigger = this.read(callee).on.get("workflow_call")
    if trigger is None:
        raise InputError(f"jobs.{job.id}: {callee} is not reusable: it has no `on: workflow_call`")
    calls = []
    for combination in combinations:
        scope = conditions.scope(run, frame, job, this.around, matrix=combination)
        given = {name: evaluate_template(value, scope) for name, value in job.call.inputs.items()}
        calls.append(
            {
                "title": _name(job, combination, scope),
                "inputs": _call_inputs(run, trigger, given, this),
                "matrix": combination,
            }
        )
    return replace(run, nodes={**run.nodes, path: Node(path, callee=callee, calls=tuple(calls))})


def _call_inputs(run: Run, trigger: Trigger, given: dict[str, Any], this: Pass) -> dict[str, Any]:
    """What a called workflow gets; defaults that are expressions are evaluated first."""
    scope = contexts.scope({"github": contexts.github(run, this.around), "vars": dict(this.around.variables)})
    definitions = {
        name: replace(each, default=evaluate_template(each.default, scope))
        for name, each in trigger.inputs.items()
    }
    return inputs.resolve(definitions, given, typed=True)


def _local(uses: str) -> str:
    reference = references.workflow(uses)
    if not reference.local:
        raise InputError(
            f"{uses}: only reusable workflows of the run's own commit can be called here",
            hint="./.github/workflows/x.yml",
        )
    return reference.path


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


def _call_ended(run: Run, node: Node, this: Pass) -> Run:
    callee = this.read(node.callee or "")
    inner = [
        run.nodes.get(f"{node.path}[{index}]/{job_id}")
        for index in range(len(node.calls))
        for job_id in callee.jobs
    ]
    if any(each is None or each.conclusion is None for each in inner):
        return run
    outputs: dict[str, str] = {}
    trigger = callee.on.get("workflow_call")
    for index, call in enumerate(node.calls):
        jobs = {}
        for job_id in callee.jobs:
            done = run.nodes[f"{node.path}[{index}]/{job_id}"]
            jobs[job_id] = {"result": str(done.conclusion), "outputs": dict(done.outputs)}
        scope = contexts.scope(
            {
                "jobs": jobs,
                "inputs": call["inputs"],
                "github": contexts.github(run, this.around),
                "vars": dict(this.around.variables),
            }
        )
        for name, value in trigger.outputs.items() if trigger else ():
            shown = interpolate(value, scope)
            if shown:
                outputs[name] = shown
    conclusion = worst([each.conclusion for each in inner if each is not None])
    changed = replace(node, conclusion=conclusion, outputs=outputs)
    return replace(run, nodes={**run.nodes, node.path: changed})


def worst(results: list[Conclusion | None]) -> Conclusion:
    """What several results are together: failed, else cancelled, else skipped if all were, else success."""
    if Conclusion.FAILURE in results:
        return Conclusion.FAILURE
    if Conclusion.CANCELLED in results:
        return Conclusion.CANCELLED
    if results and all(each is Conclusion.SKIPPED for each in results):
        return Conclusion.SKIPPED
    return Conclusion.SUCCESS


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
