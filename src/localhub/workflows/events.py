"""Reading `on`: what starts a workflow."""

from localhub.base.errors import InputError
from localhub.expressions import Value
from localhub.workflows import allowances, schedules
from localhub.workflows.definitions import Input, InputType, Schedule, Secret, Trigger
from localhub.workflows.documents import Mapping, Node, Scalar, Sequence
from localhub.workflows.sections import Notes, Section, as_text, is_expression, pairs, shown

PULL_REQUEST_TYPES = (
    "assigned unassigned labeled unlabeled opened edited closed reopened synchronize converted_to_draft"
    " ready_for_review locked unlocked milestoned demilestoned review_requested review_request_removed"
    " auto_merge_enabled auto_merge_disabled enqueued dequeued"
)
TYPES = {
    "pull_request": PULL_REQUEST_TYPES,
    "pull_request_target": PULL_REQUEST_TYPES,
    "release": "published unpublished created edited deleted prereleased released",
    "workflow_run": "completed requested in_progress",
}
FILTERS = {
    "push": "branches branches-ignore tags tags-ignore paths paths-ignore",
    "pull_request": "types branches branches-ignore paths paths-ignore",
    "pull_request_target": "types branches branches-ignore paths paths-ignore",
    "workflow_run": "types workflows branches branches-ignore",
    "workflow_dispatch": "inputs",
    "workflow_call": "inputs outputs secrets",
    "merge_group": "types branches branches-ignore",
}
BARE = "create delete deployment deployment_status fork gollum page_build public status"
"""Events that take nothing."""
OTHERS = (
    "branch_protection_rule check_run check_suite create delete deployment deployment_status discussion"
    " discussion_comment fork gollum issue_comment issues label milestone page_build project project_card"
    " project_column public"
    " pull_request_comment pull_request_review pull_request_review_comment registry_package release"
    " repository_dispatch status watch"
)
"""Events that take `types` or nothing; those that never happen on one machine are read and never start."""


def triggers(notes: Notes, node: Node) -> dict[str, Trigger]:
    """What starts the workflow, by event."""
    if isinstance(node, Mapping):
        found = [trigger(notes, key, value) for key, value in pairs(notes, node)]
    else:
        items = node.items if isinstance(node, Sequence) else [node]
        found = [bare(notes, item) for item in items]
    named = {each.event: each for each in found if each is not None}
    if not found:
        notes.add(node, "No event triggers defined in `on`")
    return named


def known(notes: Notes, node: Node) -> str | None:
    """The name of an event that there is."""
    name = shown(node) if isinstance(node, Scalar) else ""
    if name in FILTERS or name in OTHERS.split() or name == "schedule":
        return name
    notes.unexpected(node)
    return None


def bare(notes: Notes, node: Node) -> Trigger | None:
    """An event without filters."""
    name = known(notes, node)
    if name == "schedule":
        notes.add(node, "schedule wants a list of `cron` lines")
        return None
    return None if name is None else Trigger(name, node.line)


def trigger(notes: Notes, key: Scalar, node: Node) -> Trigger | None:
    """An event with its filters."""
    name = known(notes, key)
    if name is None:
        return None
    if name == "schedule":
        return Trigger(name, key.line, schedules=tuple(crons(notes, node)))
    if isinstance(node, Scalar) and node.value is None:
        return Trigger(name, key.line)
    if name in BARE.split():
        notes.unexpected(node)
    section = Section(notes, node, FILTERS.get(name, "types"))
    exclusive(notes, section)
    return Trigger(
        name,
        key.line,
        types=activity(notes, name, section),
        branches=section.texts("branches"),
        branches_ignore=section.texts("branches-ignore"),
        tags=section.texts("tags"),
        tags_ignore=section.texts("tags-ignore"),
        paths=section.texts("paths"),
        paths_ignore=section.texts("paths-ignore"),
        workflows=section.texts("workflows"),
        inputs=inputs(notes, section, called=name == "workflow_call"),
        outputs=outputs(notes, section),
        secrets=secrets(notes, section),
    )


def exclusive(notes: Notes, section: Section) -> None:
    """Notes a filter that stands beside its ignoring form: GitHub takes only one of the two."""
    for name in ("branches", "tags", "paths"):
        if name in section and f"{name}-ignore" in section:
            notes.add(
                section.node, f"you may only define one of `{name}` and `{name}-ignore` for a single event"
            )


def activity(notes: Notes, event: str, section: Section) -> tuple[str, ...] | None:
    """The activity types asked for, which the event must have."""
    found = section.texts("types")
    if event == "repository_dispatch" and found and not isinstance(section.held["types"], Sequence):
        notes.unexpected(section.held["types"])
    allowed = TYPES.get(event, "").split()
    for each in found or ():
        if allowed and each not in allowed:
            notes.add(section.held["types"], f"Unexpected value '{each}'; known here: {', '.join(allowed)}")
    return found


def crons(notes: Notes, node: Node) -> list[Schedule]:
    """The lines of a schedule."""
    found: list[Schedule] = []
    if not isinstance(node, Sequence):
        notes.unexpected(node)
        return found
    for item in node.items:
        section = Section(notes, item, "cron timezone")
        section.require("cron")
        cron, timezone = section.filled("cron"), section.filled("timezone") or "UTC"
        if cron is None:
            continue
        try:
            schedules.check(cron, timezone)
        except InputError as error:
            notes.add(section.held["cron"], error.message)
        else:
            found.append(Schedule(cron, item.line, timezone))
    return found


def inputs(notes: Notes, section: Section, *, called: bool) -> dict[str, Input]:
    """The inputs of a dispatch, or of a call, which names each one's type."""
    node = section.get("inputs")
    if node is None:
        return {}
    return {shown(key): one_input(notes, key, value, called=called) for key, value in pairs(notes, node)}


def one_input(notes: Notes, key: Scalar, node: Node, *, called: bool) -> Input:
    """One input."""
    section = Section(notes, node, f"type description required default{'' if called else ' options'}")
    if called:
        section.require("type")
    kind = input_type(notes, section, called=called)
    options = choices(notes, section)
    if kind is InputType.CHOICE and not options:
        notes.add(node, "Missing 'options' for choice input")
    elif kind is not InputType.CHOICE and options is not None:
        notes.add(node, "Input type is not 'choice', but 'options' is defined")
    return Input(
        shown(key),
        key.line,
        kind,
        section.text("description") or "",
        section.boolean("required"),
        default(notes, section, kind, called=called),
        options or (),
    )


def choices(notes: Notes, section: Section) -> tuple[str, ...] | None:
    """What a choice chooses from, which may be the empty text; None where nothing is said."""
    node = section.get("options")
    if node is None:
        return None
    if not isinstance(node, Sequence):
        notes.unexpected(node)
        return ()
    return tuple(as_text(notes, item, allowances.NOTHING) or "" for item in node.items)


def input_type(notes: Notes, section: Section, *, called: bool) -> InputType:
    """An input's type: a string where nothing is said."""
    written = section.filled("type")
    allowed = ["string", "boolean", "number"] + ([] if called else ["choice", "environment"])
    if written is None or written in allowed:
        return InputType(written or "string")
    notes.add(section.held["type"], f"Unexpected value '{written}'; known here: {', '.join(allowed)}")
    return InputType.STRING


def default(notes: Notes, section: Section, kind: InputType, *, called: bool) -> Value:
    """An input's default, of its type; a call's may be an expression, which stays as it is written."""
    node = section.held.get("default")
    if node is None or (isinstance(node, Scalar) and node.value is None and kind is not InputType.BOOLEAN):
        return None
    if is_expression(node):
        return section.text("default", allowances.RUN if called else allowances.NOTHING)
    value = node.value if isinstance(node, Scalar) else None
    fitting = {
        InputType.BOOLEAN: isinstance(value, bool),
        InputType.NUMBER: isinstance(value, (int, float)) and not isinstance(value, bool),
    }
    if fitting.get(kind, isinstance(value, str)):
        return value
    notes.unexpected(node)
    return None


def outputs(notes: Notes, section: Section) -> dict[str, str]:
    """The outputs of a reusable workflow, each an expression over its jobs."""
    node = section.get("outputs")
    found: dict[str, str] = {}
    for key, value in [] if node is None else pairs(notes, node):
        output = Section(notes, value, "value description")
        output.require("value")
        output.text("description")
        found[shown(key)] = output.text("value", allowances.CALL_OUTPUT) or ""
    return found


def secrets(notes: Notes, section: Section) -> dict[str, Secret]:
    """The secrets that a reusable workflow takes."""
    node = section.get("secrets")
    found: dict[str, Secret] = {}
    for key, value in [] if node is None else pairs(notes, node):
        required = False
        if not isinstance(value, Scalar) or value.value is not None:
            secret = Section(notes, value, "required description")
            secret.text("description")
            required = secret.boolean("required")
        found[shown(key)] = Secret(shown(key), key.line, required)
    return found
