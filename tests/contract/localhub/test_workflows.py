"""localhub's reading of workflow files against GitHub's own parser: the same jobs, or a refusal by both."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localhub import workflows
from localhub.expressions import Scope, Value, interpolate, parse, templates
from localhub.expressions.nodes import Literal
from localhub.workflows import Trigger, Workflow, WorkflowError, matrices
from tests.contract.localhub.oracle.oracle import Oracle
from tests.contract.localhub.oracle.variations import variations

DATA = Path(__file__).parents[2] / "data" / "localhub"
FILES = sorted((DATA.parent / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as started:
        yield started


def theirs(oracle: Oracle, content: str) -> Any:  # noqa: ANN401 - JSON
    """What GitHub's parser makes of a file."""
    return oracle.ask(kind="workflow", name="w.yml", content=content)


def test_there_are_ten_files_and_the_one_that_is_called() -> None:
    assert len(FILES) == 11


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_means_what_it_means_to_github(oracle: Oracle, path: Path) -> None:
    content = path.read_text()
    answer = theirs(oracle, content)
    assert answer["errors"] == []
    read = workflows.read(content, path.name)
    assert {name: told(trigger) for name, trigger in read.on.items()} == answer["events"]
    assert spaceless(jobs(read)) == spaceless(answer["jobs"])


def spaceless(found: object) -> str:
    """Jobs without their white space: in a block with expressions the parser keeps the file's indentation."""
    return re.sub(r"(\s|\\n)+", "", str(found))


def jobs(read: Workflow) -> list[Any]:
    """Our jobs in the oracle's form."""
    return [
        {
            "id": job.id,
            "needs": list(job.needs),
            "if": job.condition,
            "uses": job.call.uses if job.call else None,
            "steps": [
                {"if": step.condition, "run": as_expression(step.run), "uses": step.uses}
                for step in job.steps
            ],
        }
        for job in read.jobs.values()
    ]


def as_expression(text: str | None) -> str | None:
    """Text as the oracle tells it: with expressions in it, as the one expression that gives it."""
    if text is None or templates.OPENING not in text:
        return text
    source = templates.joined(templates.split(text))
    node = parse(source)
    return node.value if isinstance(node, Literal) and isinstance(node.value, str) else source


def told(trigger: Trigger) -> Any:  # noqa: ANN401 - JSON
    """A trigger in the oracle's form."""
    if trigger.event == "schedule":
        return [{"cron": schedule.cron} for schedule in trigger.schedules]
    names = [
        "branches",
        "branches_ignore",
        "tags",
        "tags_ignore",
        "paths",
        "paths_ignore",
        "types",
        "workflows",
    ]
    filters = {name.replace("_", "-"): getattr(trigger, name) for name in names}
    found: dict[str, Any] = {name: list(value) for name, value in filters.items() if value is not None}
    if trigger.inputs:
        found["inputs"] = {name: told_input(each) for name, each in trigger.inputs.items()}
    if trigger.secrets:
        found["secrets"] = {
            name: {"required": True} if each.required else {} for name, each in trigger.secrets.items()
        }
    return found


def told_input(given: workflows.Input) -> dict[str, Any]:
    """An input in the oracle's form, which leaves out what is not said, and does not know numbers."""
    number = given.type is workflows.InputType.NUMBER
    found = {
        "type": None if number else str(given.type),
        "description": given.description,
        "required": given.required,
        "default": None if number else given.default,
        "options": list(given.options),
    }
    return {
        name: value
        for name, value in found.items()
        if value not in (None, "", []) and not_missing(name, value)
    }


def not_missing(name: str, value: object) -> bool:
    """Whether a value was said; `required: false` is not told apart from nothing."""
    return not (name == "required" and value is False)


def cases(name: str) -> dict[str, str]:
    """The files in a data file, by what they show."""
    text = (DATA / f"workflows-{name}.txt").read_text()
    parts = [part.partition("\n") for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]
    return {title: re.sub(r"^# .*\n", "", body, flags=re.MULTILINE) for title, _, body in parts}


REFUSED_BY_BOTH, READ_BY_BOTH, ONLY_WE_REFUSE = cases("refused"), cases("read"), cases("ours")
READ_BY_BOTH["windows line ends"] = READ_BY_BOTH["on is a key"].replace("\n", "\r\n")


@pytest.mark.parametrize("case", REFUSED_BY_BOTH)
def test_what_github_refuses_is_refused(oracle: Oracle, case: str) -> None:
    answer = theirs(oracle, REFUSED_BY_BOTH[case])
    assert answer.get("refused") or answer["errors"]
    with pytest.raises(WorkflowError) as caught:
        workflows.read(REFUSED_BY_BOTH[case], "w.yml")
    ours = {problem.line: problem.message for problem in caught.value.problems}
    lines = {line for line in answer.get("lines", ()) if line is not None}
    assert lines & set(ours) or not lines, (lines, ours)


@pytest.mark.parametrize("case", READ_BY_BOTH)
def test_what_github_reads_is_read_with_the_same_meaning(oracle: Oracle, case: str) -> None:
    answer = theirs(oracle, READ_BY_BOTH[case])
    assert answer["errors"] == []
    read = workflows.read(READ_BY_BOTH[case], "w.yml")
    assert {name: told(trigger) for name, trigger in read.on.items()} == answer["events"]
    assert spaceless(jobs(read)) == spaceless(answer["jobs"])
    assert {name: as_expression(value) for name, value in read.env.items()} == answer["env"]


@pytest.mark.parametrize("case", ONLY_WE_REFUSE)
def test_what_only_localhub_refuses_is_refused_with_its_reason(oracle: Oracle, case: str) -> None:
    assert theirs(oracle, ONLY_WE_REFUSE[case])["errors"] == []
    with pytest.raises(WorkflowError):
        workflows.read(ONLY_WE_REFUSE[case], "w.yml")


OUTCOMES = yaml.safe_load((DATA / "outcomes.yml").read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_outcome_is_written_down_for_every_job_there_will_be(path: Path) -> None:
    """Names of jobs that follow from the file alone; a colleague's test runs them all for real."""
    read = workflows.read(path.read_text(), path.name)
    if list(read.on) == ["workflow_call"]:
        return
    told_names = set(OUTCOMES[path.name]["jobs"])
    for job in read.jobs.values():
        if job.call is None and not (job.strategy and isinstance(job.strategy.matrix, str)):
            assert names(job) <= told_names
    assert set(OUTCOMES[path.name].get("says", {})) <= told_names


def names(job: workflows.Job) -> set[str]:
    """What its jobs are called."""
    if job.strategy is None:
        return {job.name or job.id}
    found = matrices.combinations(job.strategy.matrix)
    if job.name is None or templates.OPENING not in job.name:
        return {matrices.job_name(job.name or job.id, combination) for combination in found}
    strategy: Value = {"job-total": len(found)}
    return {
        interpolate(job.name, Scope({"matrix": combination.chosen, "strategy": strategy}))
        for combination in found
    }


REFUSED_BY_US_ALONE = re.compile(
    r"Expected format|is no workflow|No steps defined|Matrix (vector 'a'|must define|exclude key)"
    r"|No event triggers|is not supported by localhub"
)


def test_every_key_takes_and_refuses_the_same_values(oracle: Oracle) -> None:
    """Some 1,700 small files; where only localhub refuses, it is for one of the reasons above."""
    different = {}
    for name, content in variations():
        answer = theirs(oracle, content)
        refused = bool(answer.get("refused") or answer["errors"])
        messages = refusals(content)
        number = "type: number, default" in content  # which their parser does not know
        alone = number or any(map(REFUSED_BY_US_ALONE.search, messages))
        if refused != bool(messages) and not (alone and not refused):
            different[name] = (answer["errors"], messages)
    assert different == {}


def refusals(content: str) -> list[str]:
    """What localhub has against a file."""
    try:
        workflows.read(content, "w.yml")
    except WorkflowError as error:
        return [problem.message for problem in error.problems]
    return []
