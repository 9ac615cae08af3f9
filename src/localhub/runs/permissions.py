"""What a job's token may do: as its job, its workflow file and the jobs that call it say.

Source: GitHub's documentation of `permissions`: a job's own replace its file's; scopes that are not named get
nothing; a reusable workflow may have less than the job that calls it, and is refused if it asks for more.
"""

from collections.abc import Mapping

from localhub.runs.frames import Read, frames
from localhub.runs.records import Run
from localhub.workflows.definitions import SCOPES, Permissions, Workflow

LEVELS = ("none", "read", "write")
UNSAID = {"contents": "read", "packages": "read"}
"""Where no file says anything: what GitHub gives in a new repository."""


def of_job(run: Run, node: str, read: Read) -> Mapping[str, str]:
    """The level of each scope that the token of *node*'s jobs has; a scope that is not there has none."""
    workflows = {frame.prefix: frame.workflow for frame in frames(run, read)}
    prefix, found = "", UNSAID
    for piece in node.split("/"):
        said = _said(workflows[prefix], piece.partition("[")[0])
        found = found if said is None else _written_out(said)
        prefix += f"{piece}/"
    return found


def allows(given: Mapping[str, str], scope: str, level: str) -> bool:
    """Whether a token with *given* may read, or write, what *scope* is about."""
    return LEVELS.index(given.get(scope, "none")) >= LEVELS.index(level)


def too_much(workflow: Workflow, allowed: Mapping[str, str]) -> str | None:
    """What a called workflow asks for beyond what its caller is *allowed*, in words; None: nothing."""
    for job_id in workflow.jobs:
        for scope, level in _written_out(_said(workflow, job_id) or {}).items():
            if not allows(allowed, scope, level):
                held = allowed.get(scope, "none")
                return f"'{job_id}' is requesting '{scope}: {level}', but is only allowed '{scope}: {held}'"
    return None


def _said(workflow: Workflow, job_id: str) -> Permissions | None:
    own = workflow.jobs[job_id].permissions
    return workflow.permissions if own is None else own


def _written_out(said: Permissions) -> dict[str, str]:
    return dict.fromkeys(SCOPES.split(), said.removesuffix("-all")) if isinstance(said, str) else dict(said)
