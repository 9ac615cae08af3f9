"""A job's `if`, and the scope that its expressions are evaluated in."""

from typing import Any

from localhub.expressions import Scope, evaluate, truthy
from localhub.runs import contexts
from localhub.runs.contexts import Around
from localhub.runs.frames import Frame
from localhub.runs.records import Conclusion, Run
from localhub.workflows import graph
from localhub.workflows.definitions import Job as WorkflowJob


def scope(
    run: Run,
    frame: Frame,
    job: WorkflowJob,
    around: Around,
    *,
    matrix: dict[str, Any] | None = None,
    strategy: dict[str, Any] | None = None,
    with_status: bool = False,
) -> Scope:
    """What a job's expressions may refer to before it runs."""
    nodes = {name: run.nodes[frame.prefix + name] for name in job.needs}
    functions = {}
    if with_status:
        functions = contexts.status_functions(_ancestors(run, frame, job), cancelled=run.cancelling)
    given: dict[str, Any] = {
        "github": contexts.github(run, around),
        "needs": contexts.needs(job.needs, nodes),
        "inputs": frame.inputs,
        "vars": dict(around.variables),
    }
    if matrix is not None:
        given["matrix"] = matrix
    if strategy is not None:
        given["strategy"] = strategy
    return contexts.scope(given, functions)


def _ancestors(run: Run, frame: Frame, job: WorkflowJob) -> list[Conclusion | None]:
    """Results of the jobs that it needs, near and far."""
    names = graph.ancestors(frame.workflow, job.id)
    return [run.nodes[frame.prefix + name].conclusion for name in names if frame.prefix + name in run.nodes]


def holds(run: Run, frame: Frame, job: WorkflowJob, around: Around) -> bool:
    """Whether a job is to run: its condition, with the status of all that it needs."""
    return truthy(evaluate(job.condition, scope(run, frame, job, around, with_status=True)))
