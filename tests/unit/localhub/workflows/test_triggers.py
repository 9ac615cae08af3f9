"""What starts a workflow: docs.github.com, "Workflow syntax", `on`, and "Events that trigger workflows"."""

from typing import Any

import pytest

from localhub import workflows
from localhub.workflows import Event, triggers

JOBS = "jobs: {a: {runs-on: x, steps: [{run: x}]}}"


def starts(on: str, **event: Any) -> bool:  # noqa: ANN401 - the fields of an Event
    """Whether an event starts a workflow with this `on`."""
    return triggers.starts(workflows.read(f"on: {on}\n{JOBS}", "w.yml"), Event(sha="0" * 40, **event))


def pushed(on: str, ref: str, *paths: str) -> bool:
    """Whether a push starts it."""
    return starts(f"{{push: {on}}}", name="push", ref=ref, changed_paths=paths)


MAIN, TAG = "refs/heads/main", "refs/tags/v1"


@pytest.mark.parametrize(
    ("on", "ref", "expected"),
    [
        ("", MAIN, True),
        ("", TAG, True),
        ("{branches: main}", MAIN, True),
        ("{branches: main}", "refs/heads/dev", False),
        ("{branches: main}", TAG, False),
        ("{branches-ignore: [dev]}", MAIN, True),
        ("{branches-ignore: [dev]}", "refs/heads/dev", False),
        ("{branches-ignore: [dev]}", TAG, False),
        ("{tags: v*}", TAG, True),
        ("{tags: v*}", MAIN, False),
        ("{tags-ignore: v2}", TAG, True),
        ("{tags-ignore: v2}", "refs/tags/v2", False),
        ("{tags-ignore: v2}", MAIN, False),
        ("{branches: dev, tags: v*}", TAG, True),
        ("{branches: dev, tags: v*}", MAIN, False),
        ("{branches: ['releases/**', '!releases/**-alpha']}", "refs/heads/releases/1-alpha", False),
        ("{branches: []}", MAIN, False),
    ],
)
def test_a_push_starts_what_its_ref_lets_start(on: str, ref: str, *, expected: bool) -> None:
    assert pushed(on, ref, "a.py") is expected


@pytest.mark.parametrize(
    ("on", "paths", "expected"),
    [
        ("{paths: ['**.py']}", ["a.md", "src/a.py"], True),
        ("{paths: ['**.py']}", ["a.md"], False),
        ("{paths: ['**.py']}", [], False),
        ("{paths: ['src/**', '!src/docs/**']}", ["src/docs/a"], False),
        ("{paths: ['src/**', '!src/docs/**']}", ["src/docs/a", "src/a"], True),
        ("{paths-ignore: ['docs/**']}", ["docs/a"], False),
        ("{paths-ignore: ['docs/**']}", ["docs/a", "b"], True),
        ("{branches: dev, paths: ['**']}", ["a"], False),
    ],
)
def test_a_push_starts_what_its_files_let_start(on: str, paths: list[str], *, expected: bool) -> None:
    assert pushed(on, MAIN, *paths) is expected


def test_paths_are_not_asked_of_tags_nor_where_they_are_unknown() -> None:
    assert pushed("{paths: [x]}", TAG, "a")
    assert starts("{push: {paths: [x]}}", name="push", ref=MAIN, changed_paths=None)


def test_deleting_a_branch_starts_nothing() -> None:
    assert not starts("push", name="push", ref=MAIN, payload={"deleted": True})


@pytest.mark.parametrize(
    ("on", "action", "expected"),
    [
        ("pull_request", "opened", True),
        ("pull_request", "synchronize", True),
        ("pull_request", "reopened", True),
        ("pull_request", "closed", False),
        ("{pull_request: {types: closed}}", "closed", True),
        ("{pull_request: {types: closed}}", "opened", False),
        ("{pull_request: {branches: main}}", "opened", True),
        ("{pull_request: {branches: dev}}", "opened", False),
        ("{pull_request: {paths: ['**.md']}}", "opened", False),
        ("push", "opened", False),
    ],
)
def test_a_pull_request_starts_by_type_base_and_files(on: str, action: str, *, expected: bool) -> None:
    event = {"name": "pull_request", "ref": "refs/pull/1/merge", "base_branch": "main"}
    assert starts(on, **event, action=action, changed_paths=("a.py",)) is expected


@pytest.mark.parametrize(
    ("on", "event", "expected"),
    [
        ("{workflow_run: {workflows: [CI]}}", {"workflow": "CI", "action": "completed"}, True),
        ("{workflow_run: {workflows: [CI]}}", {"workflow": "Other", "action": "completed"}, False),
        (
            "{workflow_run: {workflows: CI, types: requested}}",
            {"workflow": "CI", "action": "completed"},
            False,
        ),
        ("{workflow_run: {workflows: CI, branches: main}}", {"workflow": "CI", "head_branch": "dev"}, False),
        ("workflow_run", {"workflow": "CI", "action": "completed"}, False),
        ("repository_dispatch", {"action": "deploy"}, True),
        ("{repository_dispatch: {types: [deploy]}}", {"action": "deploy"}, True),
        ("{repository_dispatch: {types: [deploy]}}", {"action": "test"}, False),
        ("{schedule: [{cron: '0 1 * * *'}]}", {"cron": "0 1 * * *"}, True),
        ("{schedule: [{cron: '0 1 * * *'}]}", {"cron": "0 2 * * *"}, False),
        ("workflow_dispatch", {}, True),
        ("workflow_call", {}, False),
        ("{release: {types: published}}", {"action": "created"}, False),
        ("create", {}, True),
    ],
)
def test_other_events_start_what_names_them(on: str, event: dict[str, Any], *, expected: bool) -> None:
    name = on.strip("{").partition(":")[0]
    assert starts(on, name=name, ref=MAIN, **event) is expected
