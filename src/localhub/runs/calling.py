"""Reusable workflows: a job that calls one, and what comes of it."""

from dataclasses import asdict, replace
from typing import Any

from localhub.base.errors import InputError
from localhub.expressions import Scope, evaluate_template, interpolate
from localhub.runs import concurrency, conditions, contexts, making, permissions
from localhub.runs.frames import Frame
from localhub.runs.passes import Pass
from localhub.runs.records import Node, Run, worst
from localhub.workflows import inputs, references
from localhub.workflows.definitions import Job as WorkflowJob
from localhub.workflows.definitions import Trigger
from localhub.workflows.matrices import Combination

DEEPEST_CALLS = 10
"""Reusable workflows calling one another, as on GitHub since 2025."""


def called(run: Run, frame: Frame, job: WorkflowJob, combinations: list[Combination], this: Pass) -> Run:
    """A reusable workflow, once an entry of the matrix."""
    if job.call is None:
        return run
    path = frame.prefix + job.id
    callee = _local(job.call.uses)
    if frame.depth + 1 > DEEPEST_CALLS:
        raise InputError(f"jobs.{job.id}: reusable workflows call one another more than {DEEPEST_CALLS} deep")
    workflow = this.read(callee)
    trigger = workflow.on.get("workflow_call")
    if trigger is None:
        raise InputError(f"jobs.{job.id}: {callee} is not reusable: it has no `on: workflow_call`")
    excess = permissions.too_much(workflow, permissions.of_job(run, path, this.read))
    if excess:
        raise InputError(f"jobs.{job.id}: {callee} is refused: {excess}")
    calls: list[dict[str, Any]] = []
    for combination in combinations:
        scope = conditions.scope(run, frame, job, this.around, matrix=combination.chosen)
        given = {name: evaluate_template(value, scope) for name, value in job.call.inputs.items()}
        received = _call_inputs(run, trigger, given, this)
        inside = _inside(run, received, this)
        unit = f"{path}[{len(calls)}]/"
        claims = concurrency.claims(unit, (job.concurrency, scope), (workflow.concurrency, inside))
        concurrency.refuse_deadlock(run, frame.claims, claims, making.name_of(job, combination, scope))
        calls.append(
            {
                "title": making.name_of(job, combination, scope),
                "inputs": received,
                "matrix": combination.chosen,
                "claims": [asdict(claim) for claim in claims],
            }
        )
    return replace(run, nodes={**run.nodes, path: Node(path, callee=callee, calls=tuple(calls))})


def _inside(run: Run, received: dict[str, Any], this: Pass) -> Scope:
    """What the called workflow's own `concurrency` is reckoned from."""
    github, variables = contexts.github(run, this.around), dict(this.around.variables)
    return contexts.scope({"github": github, "inputs": received, "vars": variables})


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


def ended(run: Run, node: Node, this: Pass) -> Run:
    """The outcome and outputs of a call once all that it calls has ended."""
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
