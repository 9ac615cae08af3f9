"""A workflow file, read: text in, a Workflow out, or everything that is wrong with it."""

from localhub.workflows import allowances, documents, events, jobs
from localhub.workflows.definitions import Workflow
from localhub.workflows.problems import WorkflowError
from localhub.workflows.sections import Notes, Section

KEYS = "name run-name on permissions env defaults concurrency jobs"


def read(text: str, path: str) -> Workflow:
    """The workflow that *text* describes; *path* is the file's within its repository.

    Raises:
        WorkflowError: With every problem that was found, each with its line and column.
    """
    try:
        root = documents.read(text)
    except documents.DocumentError as error:
        raise WorkflowError(path, (error.problem,)) from error
    notes = Notes()
    found = workflow(notes, root, path)
    if notes.problems:
        raise WorkflowError(path, tuple(sorted(set(notes.problems))))
    return found


def workflow(notes: Notes, root: documents.Node, path: str) -> Workflow:
    """The whole file."""
    section = Section(notes, root, KEYS)
    section.require("on")
    section.require("jobs")
    on, held = section.held.get("on"), section.held.get("jobs")
    return Workflow(
        path=path,
        name=section.text("name") or path,
        on={} if on is None else events.triggers(notes, on),
        jobs={} if held is None else jobs.jobs(notes, held),
        run_name=section.text("run-name", allowances.RUN),
        permissions=jobs.permissions(notes, section),
        env=section.mapping("env", allowances.WORKFLOW_ENV),
        defaults=jobs.defaults(notes, section, job_level=False),
        concurrency=jobs.concurrency(notes, section.held.get("concurrency"), job_level=False),
    )
