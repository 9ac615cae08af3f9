"""Whether something that happened starts a workflow.

Source: docs.github.com, "Events that trigger workflows" and "Workflow syntax", `on`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from localhub.expressions import Value
from localhub.workflows import patterns
from localhub.workflows.definitions import Trigger, Workflow

BRANCHES, TAGS = "refs/heads/", "refs/tags/"
DEFAULT_TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
}
"""Where a workflow names no types, these start it; other events with every type."""


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Args:
        name: As in `on`: push, pull_request, …
        ref: The whole ref, such as refs/heads/main.
        sha: The commit.
        action: What happened in detail: opened, completed, …; of repository_dispatch its event type.
        payload: What `github.event` will be.
        changed_paths: The files that a push or pull request changes; None where that is unknown, which
            starts the workflow, as on GitHub.
        base_branch: The branch that a pull request is to go into, by its short name.
        workflow: Of workflow_run, the name of the workflow that ran.
        head_branch: Of workflow_run, the branch that it ran for, by its short name.
        cron: Of schedule, the line whose time has come.
    """

    name: str
    ref: str
    sha: str
    action: str = ""
    payload: Mapping[str, Value] = field(default_factory=dict)
    changed_paths: tuple[str, ...] | None = None
    base_branch: str = ""
    workflow: str = ""
    head_branch: str = ""
    cron: str = ""


def starts(workflow: Workflow, event: Event) -> bool:
    """Whether an event starts a workflow; a workflow_call never does, its caller starts it."""
    trigger = workflow.on.get(event.name)
    if trigger is None or event.name == "workflow_call" or not of_type(trigger, event):
        return False
    match event.name:
        case "push":
            found = pushed(trigger, event)
        case "pull_request" | "pull_request_target":
            found = on_branch(trigger, event.base_branch) and on_path(trigger, event)
        case "workflow_run":
            found = event.workflow in (trigger.workflows or ()) and on_branch(trigger, event.head_branch)
        case "merge_group":
            found = on_branch(trigger, event.base_branch)
        case "schedule":
            found = not event.cron or any(event.cron == schedule.cron for schedule in trigger.schedules)
        case _:
            found = True
    return found


def of_type(trigger: Trigger, event: Event) -> bool:
    """Whether the activity is one that starts the workflow."""
    wanted = trigger.types if trigger.types is not None else DEFAULT_TYPES.get(event.name)
    return wanted is None or event.action in wanted


def pushed(trigger: Trigger, event: Event) -> bool:
    """Whether a push starts the workflow; one that deletes its ref starts none.

    A filter for tags alone leaves out all branches, one for branches alone all tags. Paths are not asked
    of tags.
    """
    if event.payload.get("deleted") is True:
        return False
    if event.ref.startswith(TAGS):
        if not filters_tags(trigger):
            return not filters_branches(trigger)
        return chosen(trigger.tags, trigger.tags_ignore, event.ref.removeprefix(TAGS))
    if filters_tags(trigger) and not filters_branches(trigger):
        return False
    return on_branch(trigger, event.ref.removeprefix(BRANCHES)) and on_path(trigger, event)


def filters_branches(trigger: Trigger) -> bool:
    """Whether it has a filter for branches."""
    return trigger.branches is not None or trigger.branches_ignore is not None


def filters_tags(trigger: Trigger) -> bool:
    """Whether it has a filter for tags."""
    return trigger.tags is not None or trigger.tags_ignore is not None


def on_branch(trigger: Trigger, branch: str) -> bool:
    """Whether the filters for branches let a branch through."""
    return chosen(trigger.branches, trigger.branches_ignore, branch)


def chosen(wanted: tuple[str, ...] | None, ignored: tuple[str, ...] | None, name: str) -> bool:
    """Whether a name is wanted and not ignored; without filters every name is."""
    if wanted is not None and not patterns.selected(wanted, name):
        return False
    return ignored is None or not patterns.selected(ignored, name)


def on_path(trigger: Trigger, event: Event) -> bool:
    """Whether a changed file is wanted, or one at least is not ignored."""
    paths = event.changed_paths
    if paths is None:
        return True
    wanted, ignored = trigger.paths, trigger.paths_ignore
    if wanted is not None:
        return any(patterns.selected(wanted, path) for path in paths)
    return ignored is None or not paths or not all(patterns.selected(ignored, path) for path in paths)
