"""Reading `jobs`: what a workflow does."""

import re
from collections.abc import Callable
from typing import TypeVar

from localhub.base.errors import InputError
from localhub.expressions import Value
from localhub.workflows import allowances, graph, matrices, references
from localhub.workflows.definitions import (
    SCOPES,
    Call,
    Concurrency,
    Defaults,
    Environment,
    Job,
    Permissions,
    RunsOn,
    Step,
    Strategy,
)
from localhub.workflows.documents import Mapping, Node, Scalar, Sequence, plain
from localhub.workflows.sections import (
    Notes,
    Section,
    as_text,
    as_texts,
    check_tree,
    is_expression,
    pairs,
    shown,
)

Found = TypeVar("Found")

ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MAX_ID_CHARACTERS = 100
NO_CONTAINERS = (
    "'{}' is refused: localhub runs jobs as processes on this machine, without containers;"
    " start what the job needs in a step"
)
UNSUPPORTED = "'{}' is not supported by localhub"
QUEUES = ("single", "max")
"""How many may wait in a concurrency group: one, or a hundred (GitHub, May 2026)."""
JOB_REFUSALS = {name: NO_CONTAINERS.format(name) for name in ("container", "services")} | {
    name: UNSUPPORTED.format(name) for name in ("snapshot", "cancel-timeout-minutes")
}
STEP_REFUSALS = {
    name: UNSUPPORTED.format(name) for name in ("background", "wait", "wait-all", "cancel", "parallel")
}
BOTH = "name needs if permissions concurrency strategy"
STEPS_JOB = f"{BOTH} runs-on environment outputs env defaults timeout-minutes continue-on-error steps"
CALL_JOB = f"{BOTH} uses with secrets"
STEP = "id name if env continue-on-error timeout-minutes"


def jobs(notes: Notes, node: Node) -> dict[str, Job]:
    """All jobs by id, in the file's order; what they need is there and makes no circle."""
    found: dict[str, Job] = {}
    where: dict[str, Scalar] = {}
    for key, value in pairs(notes, node):
        check_id(notes, key, set())
        where[shown(key)] = key
        found[shown(key)] = job(notes, key, value)
    if not any(not each.needs for each in found.values()):
        notes.add(node, "The workflow must contain at least one job with no dependencies.")
    _, stuck = graph.resolved({name: each.needs for name, each in found.items()})
    for name, missing in stuck.items():
        for need in sorted(missing):
            notes.add(
                where[name],
                f"Job '{name}' depends on job '{need}' which creates a cycle in the dependency graph."
                if need in found
                else f"Job '{name}' depends on unknown job '{need}'.",
            )
    return found


def check_id(notes: Notes, node: Scalar, taken: set[str]) -> None:
    """Notes an id that is none, or is taken; it is taken then."""
    name = shown(node)
    if not ID.fullmatch(name) or len(name) >= MAX_ID_CHARACTERS:
        notes.add(
            node,
            f"The identifier '{name}' is invalid. IDs may only contain alphanumeric characters, '_', and '-'."
            f" IDs must start with a letter or '_' and must be less than {MAX_ID_CHARACTERS} characters.",
        )
    elif name.startswith("__"):
        notes.add(node, f"The identifier '{name}' is invalid. IDs starting with '__' are reserved.")
    elif name in taken:
        notes.add(node, f"The identifier '{name}' may not be used more than once within the same scope.")
    taken.add(name)


def job(notes: Notes, key: Scalar, node: Node) -> Job:
    """One job."""
    calls = isinstance(node, Mapping) and any(shown(name) == "uses" for name, _ in node.pairs)
    section = Section(notes, node, CALL_JOB if calls else STEPS_JOB, JOB_REFUSALS)
    section.require("uses" if calls else "runs-on")
    steps_found = () if calls else steps(notes, section)
    return Job(
        id=shown(key),
        line=key.line,
        condition=condition(notes, section, job_level=True),
        name=section.text("name", allowances.JOB) or None,
        needs=section.texts("needs") or (),
        runs_on=runs_on(notes, section),
        call=call(notes, section) if calls else None,
        environment=environment(notes, section),
        concurrency=concurrency(notes, section.get("concurrency"), job_level=True),
        outputs=section.mapping("outputs", allowances.OUTPUT),
        env=section.mapping("env", allowances.JOB_ENV),
        defaults=defaults(notes, section, job_level=True),
        strategy=strategy(notes, section),
        timeout_minutes=section.number("timeout-minutes", allowances.JOB),
        continue_on_error=section.flag("continue-on-error", allowances.JOB) or False,
        permissions=permissions(notes, section),
        steps=steps_found,
    )


def condition(notes: Notes, section: Section, *, job_level: bool) -> str:
    """An `if` as the expression that decides."""
    node = section.held.get("if")
    if node is None:
        return "success()"
    if not isinstance(node, Scalar):
        notes.unexpected(node)
        return "success()"
    allowed = allowances.JOB_IF if job_level else allowances.STEP_IF
    return notes.checked(node, lambda: allowances.checked_condition(shown(node), allowed)) or "success()"


def runs_on(notes: Notes, section: Section) -> RunsOn | None:
    """The runner asked for."""
    node = section.get("runs-on")
    if node is None:
        return None
    if not isinstance(node, Mapping):
        return RunsOn(node.line, tuple(as_texts(notes, node, allowances.JOB)))
    inner = Section(notes, node, "group labels")
    labels = inner.get("labels")
    found = () if labels is None else tuple(as_texts(notes, labels, allowances.JOB))
    return RunsOn(node.line, found, inner.filled("group", allowances.JOB))


def environment(notes: Notes, section: Section) -> Environment | None:
    """The environment that a job deploys to."""
    node = section.held.get("environment")
    if node is None:
        return None
    if not isinstance(node, Mapping):
        name = as_text(notes, node, allowances.JOB)
        return Environment(name, node.line) if name else None
    inner = Section(notes, node, "name url deployment")
    inner.require("name")
    deployment = inner.flag("deployment", allowances.JOB)
    return Environment(
        inner.text("name", allowances.JOB) or "",
        node.line,
        inner.text("url", allowances.URL),
        True if deployment is None else deployment,
    )


def concurrency(notes: Notes, node: Node | None, *, job_level: bool) -> Concurrency | None:
    """The group of which one runs at a time, of a job or of the workflow."""
    if node is None:
        return None
    allowed = allowances.JOB if job_level else allowances.RUN
    if not isinstance(node, Mapping):
        group = as_text(notes, node, allowed)
        if group == "" and job_level:
            notes.unexpected(node)
        return Concurrency(group, node.line) if group else None
    section = Section(notes, node, "group cancel-in-progress queue")
    section.require("group")
    cancel = section.flag("cancel-in-progress", allowed)
    queue = section.get("queue")
    if queue is not None and plain(queue) not in QUEUES:
        notes.unexpected(queue)
    many = queue is not None and plain(queue) == "max"
    return Concurrency(section.filled("group", allowed) or "", node.line, cancel or False, many)


def defaults(notes: Notes, section: Section, *, job_level: bool) -> Defaults:
    """What `run` steps use where they say nothing."""
    node = section.get("defaults")
    run = None if node is None else Section(notes, node, "run").get("run")
    if run is None:
        return Defaults()
    allowed = allowances.JOB_DEFAULTS if job_level else allowances.NOTHING
    inner = Section(notes, run, "shell working-directory")
    return Defaults(inner.filled("shell", allowed), inner.filled("working-directory", allowed))


def permissions(notes: Notes, section: Section) -> Permissions | None:
    """What the job's token may do."""
    node = section.get("permissions")
    if node is None:
        return None
    if isinstance(node, Scalar):
        if shown(node) not in {"read-all", "write-all"}:
            notes.unexpected(node)
        return shown(node)
    inner = Section(notes, node, SCOPES)
    found = {name: inner.text(name) or "" for name in inner.held}
    for name, level in found.items():
        if level not in {"read", "write", "none"}:
            notes.unexpected(inner.held[name])
    return found


def strategy(notes: Notes, section: Section) -> Strategy | None:
    """A job's matrix and how its jobs run together."""
    node = section.get("strategy")
    if node is None:
        return None
    if is_expression(node):
        notes.add(node, "'strategy' as one expression is not supported by localhub: let its 'matrix' be one")
        return None
    inner = Section(notes, node, "matrix fail-fast max-parallel")
    fail_fast = inner.flag("fail-fast", allowances.STRATEGY)
    return Strategy(
        node.line,
        matrix(notes, inner),
        True if fail_fast is None else fail_fast,
        inner.number("max-parallel", allowances.STRATEGY),
    )


def matrix(notes: Notes, section: Section) -> Value:
    """A matrix as it is written, its shape checked as far as no expression hides it."""
    node = section.get("matrix")
    if node is None:
        return None
    check_tree(notes, node, allowances.STRATEGY)
    found = plain(node)
    if is_expression(node):
        return found
    if not isinstance(node, Mapping):
        notes.unexpected(node)
        return None
    hidden = False
    for _, vector in node.pairs:
        hidden = hidden or holds_expression(vector)
        if not isinstance(vector, Sequence) and not is_expression(vector):
            notes.unexpected(vector)
            return None
    if not hidden:
        note_refusal(notes, node, lambda: matrices.combinations(found))
    return found


def holds_expression(node: Node) -> bool:
    """Whether a node has an expression anywhere in it."""
    if isinstance(node, Sequence):
        return any(holds_expression(item) for item in node.items)
    if isinstance(node, Mapping):
        return any(holds_expression(key) or holds_expression(value) for key, value in node.pairs)
    return is_expression(node)


def note_refusal(notes: Notes, node: Node, check: Callable[[], Found]) -> Found | None:
    """What *check* gives; None with a note if it refuses."""
    try:
        return check()
    except InputError as error:
        notes.add(node, error.message)
        return None


def call(notes: Notes, section: Section) -> Call | None:
    """The reusable workflow that a job is."""
    uses = section.filled("uses")
    if uses is None:
        return None
    note_refusal(notes, section.held["uses"], lambda: references.workflow(uses))
    given = section.get("with")
    inputs = {} if given is None else {shown(k): v for k, v in pairs(notes, given)}
    for value in inputs.values():
        if isinstance(value, Scalar):
            check_tree(notes, value, allowances.JOB)
        else:
            notes.unexpected(value)
    secrets = section.get("secrets")
    inherit = isinstance(secrets, Scalar) and secrets.value == "inherit"
    return Call(
        uses,
        section.line("uses"),
        {name: plain(value) for name, value in inputs.items()},
        {} if inherit else section.mapping("secrets", allowances.JOB_ENV),
        inherit,
    )


def steps(notes: Notes, section: Section) -> tuple[Step, ...]:
    """A job's steps."""
    node = section.get("steps")
    if node is not None and not isinstance(node, Sequence):
        notes.unexpected(node)
        return ()
    if node is None or not node.items:
        notes.add(section.node, "No steps defined in `steps` and no workflow called in `uses`")
        return ()
    taken: set[str] = set()
    return tuple(step(notes, item, taken) for item in node.items)


def step(notes: Notes, node: Node, taken: set[str]) -> Step:
    """One step; its id is taken from then on."""
    names = {shown(key) for key, _ in node.pairs} if isinstance(node, Mapping) else set()
    if "run" in names and "uses" in names:
        notes.add(node, "A step has exactly one of 'run' and 'uses', not both")
    elif isinstance(node, Mapping) and not names & {"run", "uses", *STEP_REFUSALS}:
        notes.add(node, "A step has exactly one of 'run' and 'uses': this one has neither")
    own = "uses with" if "uses" in names else "run shell working-directory"
    both = "run" if {"run", "uses"} <= names else ""
    section = Section(notes, node, f"{STEP} {own} {both}", STEP_REFUSALS)
    if section.get("id") is not None and isinstance(section.held["id"], Scalar):
        check_id(notes, section.held["id"], taken)
    uses = section.filled("uses")
    if uses is not None:
        note_refusal(notes, section.held["uses"], lambda: references.action(uses))
    return Step(
        line=node.line,
        condition=condition(notes, section, job_level=False),
        id=section.filled("id"),
        name=section.text("name", allowances.STEP),
        run=section.text("run", allowances.STEP),
        uses=uses,
        shell=section.filled("shell"),
        working_directory=section.text("working-directory", allowances.STEP),
        inputs=section.mapping("with", allowances.STEP),
        env=section.mapping("env", allowances.STEP),
        continue_on_error=section.flag("continue-on-error", allowances.STEP) or False,
        timeout_minutes=section.number("timeout-minutes", allowances.STEP),
    )
