"""The jobs that a job of a workflow file becomes, one for each entry of its matrix."""

import math
from typing import Any

from localhub.base.errors import InputError
from localhub.expressions import Scope, evaluate_template, interpolate, text, truthy
from localhub.runs import concurrency, conditions, contexts
from localhub.runs.frames import Frame
from localhub.runs.passes import Pass
from localhub.runs.records import Claim, Job, Node, Run, Status
from localhub.workflows import matrices
from localhub.workflows.definitions import Job as WorkflowJob
from localhub.workflows.matrices import Combination

LONGEST_MINUTES = 360 * 24
"""That a job may be given, or a step."""


def node_of(path: str, job: WorkflowJob, scope: Scope) -> Node:
    """The node of a job, its strategy evaluated."""
    if job.strategy is None:
        return Node(path)
    fail_fast = _flag(job.strategy.fail_fast, scope)
    return Node(path, fail_fast=fail_fast, max_parallel=_count(job.strategy.max_parallel, scope))


NONE = Combination({}, 0)


def combinations(job: WorkflowJob, scope: Scope) -> list[Combination]:
    """The entries of its matrix; one that is empty where it has none.

    Raises:
        InputError: If the matrix has no entry.
    """
    if job.strategy is None or job.strategy.matrix is None:
        return [NONE]
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
    if isinstance(number, bool) or not isinstance(number, float | int):
        raise InputError(f"max-parallel is {number!r}: a number")
    return int(number) if 1 <= number < math.inf else None  # 0 is no limit, and so is infinity


def made(
    run: Run,
    frame: Frame,
    job: WorkflowJob,
    node: Node,
    combinations: list[Combination],
    index: int,
    this: Pass,
) -> Job:
    """One job of a matrix, with all that is known before it runs."""
    combination = combinations[index]
    strategy = contexts.strategy(node, index, len(combinations))
    scope = conditions.scope(run, frame, job, this.around, matrix=combination.chosen, strategy=strategy)
    environment = None if job.environment is None else interpolate(job.environment.name, scope)
    minutes = 360.0 if job.timeout_minutes is None else evaluate_template(job.timeout_minutes, scope)
    group = None if job.concurrency is None else interpolate(job.concurrency.group, scope)
    name = frame.title + name_of(job, combination, scope)
    if frame.claims and group:
        concurrency.refuse_deadlock(run, frame.claims, [Claim(group, name)], name)
    return Job(
        id=this.next_id("jobs"),
        node=frame.prefix + job.id,
        index=index,
        name=name,
        attempt=run.attempt,
        status=Status.QUEUED,
        created_at=this.now,
        labels=_labels(job, scope),
        matrix=combination.chosen,
        environment=environment or None,
        group=group,
        cancel_in_progress=job.concurrency is not None and _flag(job.concurrency.cancel_in_progress, scope),
        queue_max=job.concurrency is not None and job.concurrency.queue_max,
        called_in=frame.claims,
        tolerated=_flag(job.continue_on_error, scope),
        timeout_seconds=_seconds(minutes),
    )


def name_of(job: WorkflowJob, combination: Combination, scope: Scope) -> str:
    """A job's name: with its entry of the matrix, unless the name says itself which one it is."""
    if job.name is not None and "${{" in job.name:
        return interpolate(job.name, scope) or matrices.job_name(job.id, combination)
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
    if not 0 < number <= LONGEST_MINUTES:
        raise InputError(f"timeout-minutes is {number:g}: more than 0")
    return number * 60
