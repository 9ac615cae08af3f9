"""What happens in a repository, turned into runs: pushes, pull requests, dispatches, schedules, runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localhub.base.clock import Clock
from localhub.base.errors import InputError, LocalhubError, NotFoundError
from localhub.expressions import evaluate_template as evaluated
from localhub.expressions import interpolate, truthy
from localhub.expressions import text as text_of
from localhub.runs import contexts
from localhub.runs.engine import Engine
from localhub.runs.ports import Known, Runs, Sources, Workflows
from localhub.runs.records import Annotation, Conclusion, Run, Status
from localhub.workflows import inputs as workflow_inputs
from localhub.workflows.definitions import Workflow
from localhub.workflows.problems import WorkflowError
from localhub.workflows.reading import read
from localhub.workflows.triggers import Event, starts

FOLDER = ".github/workflows"
SKIP_WORDS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


@dataclass(frozen=True)
class Happened:
    """Something that may start runs."""

    repository: str
    event: str
    ref: str
    sha: str
    actor: str
    payload: dict[str, Any]
    action: str = ""
    before: str | None = None
    base_ref: str = ""
    head_ref: str = ""
    pull_request: int | None = None
    title: str = ""
    message: str = ""  # of the commit pushed, or of a pull request's head
    inputs: Mapping[str, Any] | None = None
    only: str | None = None  # the one workflow file that is meant
    workflow: str = ""  # the workflow that ended, where that is what happened
    workflow_branch: str = ""
    cron: str = ""  # the schedule whose time has come


Check = Callable[[Run], None]


class Starter:
    """Starts the runs that events start."""

    def __init__(
        self,
        engine: Engine,
        runs: Runs,
        sources: Sources,
        workflows: Workflows,
        clock: Clock,
        *,
        check: Check,
    ) -> None:
        self._engine, self._runs, self._sources = engine, runs, sources
        self._workflows, self._clock, self._check = workflows, clock, check

    def happened(self, what: Happened, *, changed: list[str] | None = None) -> list[Run]:
        """Starts the runs that an event starts, and returns them."""
        sources = dict(self._sources.files(what.repository, what.sha, FOLDER))
        if what.event in {"push", "pull_request"} and any(word in what.message for word in SKIP_WORDS):
            return []
        started = []
        for path, text in sorted(sources.items()):
            if not path.endswith((".yml", ".yaml")) or (what.only and path != what.only):
                continue
            run = self._started(what, path, text, sources, changed)
            if run is not None:
                started.append(run)
        return started

    def dispatched(self, what: Happened) -> Run:
        """Starts one workflow by hand.

        Raises:
            NotFoundError: If the commit has no such workflow.
            InputError: If it cannot be dispatched, or an input is wrong.
        """
        text = self._sources.files(what.repository, what.sha, FOLDER).get(what.only or "")
        if text is None:
            raise NotFoundError(f"{what.only} is not in {what.ref} ({what.sha[:7]})")
        workflow = read(text, what.only or "")
        trigger = workflow.on.get("workflow_dispatch")
        if trigger is None:
            raise InputError("Workflow does not have 'workflow_dispatch' trigger", hint="add it under `on:`")
        given = workflow_inputs.resolve(trigger.inputs, what.inputs or {})
        payload = {**what.payload, "inputs": {key: _text(value) for key, value in given.items()}}
        runs = self.happened(replace(what, inputs=given, payload=payload))
        if not runs:
            raise InputError(f"{what.only} is disabled", hint=f"gh workflow enable {what.only}")
        return runs[0]

    def _started(
        self, what: Happened, path: str, text: str, sources: dict[str, str], changed: list[str] | None
    ) -> Run | None:
        try:
            workflow = read(text, path)
        except WorkflowError as problem:
            return self._broken(what, path, sources, problem)
        known = self._workflows.known(what.repository, path, workflow.name)
        if not known.active or not starts(workflow, self._event(what, changed)):
            return None
        run = self._made(what, known, sources)
        try:
            run = self._named(run, workflow)
        except LocalhubError as problem:
            run = self._failed_to_start(run, (Annotation("failure", problem.message, path),))
        self._engine.add(run)
        self._check(run)
        return run

    def _event(self, what: Happened, changed: list[str] | None) -> Event:
        paths: list[str] | None = changed
        if paths is None and what.event in {"push", "pull_request"}:
            paths = list(self._sources.changed(what.repository, what.before, what.sha))
        return Event(
            name=what.event,
            ref=what.ref,
            sha=what.sha,
            action=what.action,
            payload=what.payload,
            changed_paths=None if paths is None else tuple(paths),
            base_branch=what.base_ref,
            workflow=what.workflow,
            head_branch=what.workflow_branch,
            cron=what.cron,
        )

    def _broken(
        self, what: Happened, path: str, sources: dict[str, str], problem: WorkflowError
    ) -> Run | None:
        """A file that cannot be read fails at its push, with an annotation a problem."""
        if what.event not in {"push", "workflow_dispatch"} or what.ref.startswith("refs/tags/"):
            return None
        known = self._workflows.known(what.repository, path, path)
        annotations = tuple(
            Annotation("failure", each.message, path, each.line, "Invalid workflow file")
            for each in problem.problems
        )
        run = self._failed_to_start(self._made(what, known, sources), annotations)
        self._engine.add(run)
        return run

    def _failed_to_start(self, run: Run, annotations: tuple[Annotation, ...]) -> Run:
        return replace(
            run, status=Status.COMPLETED, conclusion=Conclusion.STARTUP_FAILURE, annotations=annotations
        )

    def _made(self, what: Happened, known: Known, sources: dict[str, str]) -> Run:
        now = self._clock.now()
        return Run(
            id=self._runs.next_id("runs"),
            repository=what.repository,
            workflow_id=known.id,
            path=known.path,
            name=known.name,
            number=self._runs.next_number(known.id),
            event=what.event,
            ref=what.ref,
            sha=what.sha,
            actor=what.actor,
            triggering_actor=what.actor,
            created_at=now,
            started_at=now,
            updated_at=now,
            title=what.title or known.name,
            head_branch=what.head_ref or contexts.ref_name(what.ref),
            base_ref=what.base_ref,
            head_ref=what.head_ref,
            pull_request=what.pull_request,
            inputs=dict(what.inputs or {}),
            payload=what.payload,
            sources=sources,
        )

    def _named(self, run: Run, workflow: Workflow) -> Run:
        """With its run-name and concurrency group."""
        around = self._engine.around(run.repository)
        github, variables = contexts.github(run, around), dict(around.variables)
        scope = contexts.scope({"github": github, "inputs": run.inputs, "vars": variables})
        if workflow.run_name:
            run = replace(run, title=interpolate(workflow.run_name, scope).strip() or run.title)
        elif run.event in {"workflow_dispatch", "schedule"}:
            run = replace(run, title=run.name)
        if workflow.concurrency is not None:
            group = interpolate(workflow.concurrency.group, scope)
            cancels = truthy(evaluated(workflow.concurrency.cancel_in_progress, scope))
            if group:
                many = workflow.concurrency.queue_max
                run = replace(run, group=group, cancel_in_progress=cancels, queue_max=many)
                run = replace(run, status=Status.PENDING)
        return run


def _text(value: Any) -> str:
    """As `github.event.inputs` has it, where all is text; `inputs` has it as it is."""
    return text_of(value)
