"""What a job's token may do: as its job, its workflow file and the jobs that call it say.

Source: GitHub's documentation of `permissions`: a job's own replace its file's; scopes that are not named get
nothing; a reusable workflow may have less than the job that calls it, never more.
"""

from collections.abc import Mapping

from localhub.runs.frames import Read, frames
from localhub.runs.records import Run
from localhub.workflows.definitions import SCOPES, Permissions

LEVELS = ("none", "read", "write")
UNSAID = {"contents": "read", "packages": "read"}
"""Where no file says anything: what GitHub gives in a new repository."""


def of_job(run: Run, node: str, read: Read) -> Mapping[str, str]:
    """The level of each scope that the token of *node*'s jobs has; a scope that is not there has none."""
    workflows = {frame.prefix: frame.workflow for frame in frames(run, read)}
    prefix, allowed = "", None
    for piece in node.split("/"):
        workflow = workflows[prefix]
        own = workflow.jobs[piece.partition("[")[0]].permissions
        allowed = _within(workflow.permissions if own is None else own, allowed)
        prefix += f"{piece}/"
    return allowed or {}


def allows(given: Mapping[str, str], scope: str, level: str) -> bool:
    """Whether a token with *given* may read, or write, what *scope* is about."""
    return LEVELS.index(given.get(scope, "none")) >= LEVELS.index(level)


def _within(said: Permissions | None, caller: Mapping[str, str] | None) -> Mapping[str, str]:
    if said is None:
        return UNSAID if caller is None else caller
    own = dict.fromkeys(SCOPES.split(), said.removesuffix("-all")) if isinstance(said, str) else said
    if caller is None:
        return own
    return {scope: min(level, caller.get(scope, "none"), key=LEVELS.index) for scope, level in own.items()}
