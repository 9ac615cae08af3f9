"""A job as act is given it: one workflow with this one job, all that it needs of others folded into literals.

Source: act 0.2.89 as measured: it evaluates env again at every step, lacks `github.workflow_ref` and others,
refuses some expressions that GitHub knows; so everything known beforehand is folded here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localhub.base.errors import InputError
from localhub.expressions import Scope, interpolate, templates
from localhub.expressions.folding import fold, fold_condition
from localhub.expressions.writing import escape
from localhub.runs import conditions, contexts, making
from localhub.runs.contexts import Around
from localhub.runs.frames import Frame, Read, frame_of
from localhub.runs.ports import ActStep, Order, first_artifact_id
from localhub.runs.records import Job, Run
from localhub.workflows.definitions import Defaults, Step
from localhub.workflows.definitions import Job as WorkflowJob

IN_THE_RUNNER = (
    "workspace",
    "action",
    "action_path",
    "action_ref",
    "action_repository",
    "action_status",
    "token",
)
OF_THE_RUNNER = ("temp", "tool_cache", "workspace", "debug")
MORE_IN_THE_RUNNER = ("path", "event_path", "env", "output", "step_summary", "state")
LEFT_TO_ACT = frozenset(
    {"steps", "env", "secrets", "hashFiles", "success", "failure", "cancelled", "always"}
    | {"job.status", "job.container", "job.services"}
    | {f"github.{name}" for name in (*IN_THE_RUNNER, *MORE_IN_THE_RUNNER)}
    | {f"runner.{name}" for name in OF_THE_RUNNER}
)
OUTPUTS_STEP = "lh-outputs"


@dataclass(frozen=True)
class Given:
    """What a job is given beside its run."""

    secrets: Mapping[str, str]
    token: str
    around: Around
    runner: str = "localhub"


def order(run: Run, job: Job, read: Read, given: Given) -> Order:
    """The order for one job.

    Raises:
        LocalhubError: If an expression in it cannot be folded; the job then fails with these words.
    """
    frame = frame_of(run, job.node, read)
    definition = frame.workflow.jobs[job.node.rsplit("/", 1)[-1]]
    scope = _scope(run, frame, definition, job, given)
    steps = [_step(step, scope) for step in definition.steps]
    ids = [step.id or str(index) for index, step in enumerate(definition.steps)]
    body: dict[str, Any] = {"runs-on": "ubuntu-latest", "steps": steps}
    if definition.outputs:
        steps.append(_outputs(definition.outputs, scope))
    if definition.env:
        body["env"] = _folded(definition.env, scope, times=2)  # act evaluates it twice
    if definition.defaults != Defaults():
        body["defaults"] = {"run": _folded(_defaults(definition.defaults), scope)}
    workflow: dict[str, Any] = {"name": escape(run.name), "on": run.event, "jobs": {definition.id: body}}
    if frame.workflow.env:
        workflow["env"] = _folded(frame.workflow.env, scope, times=2)
    if frame.workflow.defaults != Defaults():
        workflow["defaults"] = {"run": _folded(_defaults(frame.workflow.defaults), scope)}
    secrets = _secrets_named(frame, definition, _secrets_of(run, frame, read, given))
    return Order(
        run_id=run.id,
        job_id=job.id,
        repository=run.repository,
        sha=run.sha,
        event=run.event,
        payload=run.payload,
        workflow=workflow,
        steps=tuple(
            ActStep(act_id, _shown(step, scope), _tolerated(body))
            for act_id, step, body in zip(ids, definition.steps, steps, strict=False)
        ),
        environment=_environment(run, job, definition, given),
        secrets={**secrets, "GITHUB_TOKEN": given.token},
        outputs_step=OUTPUTS_STEP if definition.outputs else None,
        timeout_seconds=job.timeout_seconds,
        runner=given.runner,
    )


def _scope(run: Run, frame: Frame, definition: WorkflowJob, job: Job, given: Given) -> Scope:
    known = conditions.scope(run, frame, definition, given.around, matrix=job.matrix)
    strategy = contexts.strategy(run.nodes[job.node], job.index, len(run.of(job.node)))
    github = contexts.github(run, given.around, definition.id)
    of_job = contexts.job(run, job, _workflow_path(run, frame))
    runner = contexts.runner(given.runner)
    more = contexts.scope({"strategy": strategy, "github": github, "runner": runner, "job": of_job})
    return Scope({**known.contexts, **more.contexts}, known.functions)


def _workflow_path(run: Run, frame: Frame) -> str:
    """The file that the job is written in: the run's own, or one that it calls."""
    if not frame.prefix:
        return run.path
    return run.nodes[frame.prefix[:-2].rpartition("[")[0]].callee or ""


def _defaults(defaults: Defaults) -> dict[str, str]:
    given = {"shell": defaults.shell, "working-directory": defaults.working_directory}
    return {key: value for key, value in given.items() if value is not None}


def _folded(value: Any, scope: Scope, *, times: int = 1) -> Any:
    if isinstance(value, str):
        return fold(value, scope, LEFT_TO_ACT, times=times)
    if isinstance(value, Mapping):
        return {key: _folded(each, scope, times=times) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_folded(each, scope, times=times) for each in value]
    return value


def _step(step: Step, scope: Scope) -> dict[str, Any]:
    body: dict[str, Any] = {"name": escape(_shown(step, scope))}
    if step.id:
        body["id"] = step.id
    body["if"] = fold_condition(step.condition, scope, LEFT_TO_ACT)
    for key, value in (
        ("uses", step.uses),
        ("run", step.run),
        ("shell", step.shell),
        ("working-directory", step.working_directory),
        ("with", step.inputs),
        ("env", step.env),
        ("continue-on-error", step.continue_on_error or None),
    ):
        if value not in (None, {}):
            body[key] = _folded(value, scope)
    if step.timeout_minutes is not None:
        body["timeout-minutes"] = _whole_minutes(_folded(step.timeout_minutes, scope))
    return body


def _whole_minutes(value: Any) -> Any:
    """Fractions of a minute are rounded up: act ignores them."""
    try:
        return max(1, math.ceil(min(float(value), making.LONGEST_MINUTES)))
    except (TypeError, ValueError):
        return value


def _shown(step: Step, scope: Scope) -> str:
    """A step's name as people see it: its own, else what it runs."""
    if step.name is not None:
        try:
            return interpolate(step.name, scope)
        except InputError:
            return step.name
    if step.uses is not None:
        return f"Run {step.uses}"
    first = (step.run or "").strip().splitlines() or [""]
    return f"Run {first[0]}"


def _tolerated(body: dict[str, Any]) -> bool:
    return str(body.get("continue-on-error", "false")).lower() in {"true", "${{ true }}"}


def _outputs(outputs: Mapping[str, str], scope: Scope) -> dict[str, Any]:
    """A last step that writes the job's outputs where they are read from: even where the job failed."""
    rows = [
        f'"{name}": ${{{{ toJSON({templates.joined(templates.split(_folded(value, scope)))}) }}}}'
        for name, value in outputs.items()
    ]
    script = (
        "cat >\"$LOCALHUB_ROOT/out/outputs.json\" <<'LOCALHUB_OUTPUTS'\n{"
        + ",\n".join(rows)
        + "}\nLOCALHUB_OUTPUTS\n"
    )
    return {"name": OUTPUTS_STEP, "id": OUTPUTS_STEP, "if": "always()", "shell": "bash", "run": script}


def _secrets_named(frame: Frame, definition: WorkflowJob, secrets: Mapping[str, str]) -> dict[str, str]:
    """Only the secrets that the job's own text names: what act evaluates again must find no other."""
    texts: list[Any] = [dict(frame.workflow.env), dict(definition.env), dict(definition.outputs)]
    for step in definition.steps:
        texts += [
            step.name or "",
            step.run or "",
            step.working_directory or "",
            dict(step.inputs),
            dict(step.env),
        ]
    named = templates.names_used(texts, "secrets")
    return {name: value for name, value in secrets.items() if named is None or name.lower() in named}


def _secrets_of(run: Run, frame: Frame, read: Read, given: Given) -> Mapping[str, str]:
    """What a workflow may know: all secrets, or those that its caller hands it."""
    if not frame.prefix:
        return given.secrets
    path, _, index = frame.prefix[:-2].rpartition("[")
    caller = frame_of(run, path, read)
    job = caller.workflow.jobs[path.rsplit("/", 1)[-1]]
    theirs = _secrets_of(run, caller, read, given)
    if job.call is None or job.call.inherit:
        return theirs
    matrix = run.nodes[path].calls[int(index)]["matrix"]
    known = conditions.scope(run, caller, job, given.around, matrix=matrix)
    scope = Scope({**known.contexts, "secrets": dict(theirs)}, known.functions)
    return {name: interpolate(value, scope) for name, value in job.call.secrets.items()}


def _environment(run: Run, job: Job, definition: WorkflowJob, given: Given) -> dict[str, str]:
    context = contexts.github(run, given.around, definition.id)
    names = (
        *("actor", "actor_id", "api_url", "base_ref", "event_name", "graphql_url", "head_ref", "job", "ref"),
        *("ref_name", "ref_protected", "ref_type", "repository", "repository_id", "repository_owner"),
        *("repository_owner_id", "retention_days", "run_attempt", "run_id", "run_number", "server_url"),
        *("sha", "triggering_actor", "workflow", "workflow_ref", "workflow_sha"),
    )
    values = {f"GITHUB_{name.upper()}": _flat(context[name]) for name in names}
    values["SHA_REF"] = run.sha  # where act takes the SHA from
    values["LOCALHUB_DEFAULT_REF"] = f"refs/heads/{given.around.default_branch}"
    values["LOCALHUB_FIRST_ARTIFACT_ID"] = str(first_artifact_id(job.id))
    if given.around.address:
        values["LOCALHUB_URL"] = f"http://{given.around.address}"
    values["RUNNER_ENVIRONMENT"] = contexts.RUNNER_ENVIRONMENT
    return {name: escape(value) for name, value in values.items()}


def _flat(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
