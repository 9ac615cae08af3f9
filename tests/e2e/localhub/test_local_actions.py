"""Local and composite actions: inputs, outputs, nesting, `if`, env, tolerated failures, and post steps."""

from typing import Any

import pytest
import yaml

from tests.localhub_server import Clone
from tests.localhub_workflows import begun, log, said

GREET = {
    "name": "greet",
    "description": "Greets",
    "inputs": {"who": {"default": "nobody"}, "loud": {"default": "false"}},
    "outputs": {"greeting": {"value": "${{ steps.say.outputs.greeting }}"}},
    "runs": {
        "using": "composite",
        "steps": [
            {
                "id": "say",
                "shell": "bash",
                "env": {"WHO": "${{ inputs.who }}"},
                "run": 'echo "greeting=hello $WHO of $JOB" >> "$GITHUB_OUTPUT"',
            },
            {"if": "inputs.loud == 'true'", "shell": "bash", "run": "echo IT IS LOUD"},
            {"if": "inputs.loud != 'true'", "shell": "bash", "run": "echo IT IS QUIET"},
            {"shell": "bash", "run": 'cat "$GITHUB_ACTION_PATH/words.txt"'},
            {"shell": "bash", "run": 'echo "LATER=set by an action" >> "$GITHUB_ENV"'},
        ],
    },
}
OUTER = {
    "name": "outer",
    "description": "Calls another",
    "inputs": {"name": {"required": True}},
    "outputs": {"inner": {"value": "${{ steps.nested.outputs.greeting }}"}},
    "runs": {
        "using": "composite",
        "steps": [
            {
                "id": "nested",
                "uses": "./.github/actions/greet",
                "with": {"who": "${{ inputs.name }}", "loud": "true"},
            },
            {"id": "fails", "shell": "bash", "run": "exit 3", "continue-on-error": True},
            {"shell": "bash", "run": 'echo "then ${{ steps.fails.outcome }} ${{ steps.fails.conclusion }}"'},
        ],
    },
}
CACHED = {
    "name": "cached",
    "description": "Keeps a folder",
    "outputs": {"hit": {"value": "${{ steps.cache.outputs.cache-hit }}"}},
    "runs": {
        "using": "composite",
        "steps": [
            {"id": "cache", "uses": "actions/cache@v4", "with": {"path": "kept", "key": "from-a-composite"}},
            {"shell": "bash", "run": "mkdir -p kept && echo kept > kept/file"},
        ],
    },
}
UNKNOWN = {
    "name": "unknown",
    "description": "Calls what is not there",
    "runs": {"using": "composite", "steps": [{"uses": "elsewhere/action@v1"}]},
}
FAILING = {
    "name": "failing",
    "description": "Fails in the middle",
    "runs": {
        "using": "composite",
        "steps": [
            {"shell": "bash", "run": "exit 4"},
            {"shell": "bash", "run": "echo NOT REACHED"},
            {"if": "always()", "shell": "bash", "run": "echo REACHED ANYWAY"},
        ],
    },
}
ACTIONS: dict[str, Any] = {
    "greet": GREET, "outer": OUTER, "cached": CACHED, "failing": FAILING, "unknown": UNKNOWN,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _actions(app: Clone) -> None:
    files = {f".github/actions/{name}/action.yml": yaml.safe_dump(body) for name, body in ACTIONS.items()}
    app.commit({**files, ".github/actions/greet/words.txt": "words of its own\n"})


def workflow(*steps: dict[str, Any]) -> str:
    """One job that runs these steps after a checkout."""
    job = {
        "runs-on": "ubuntu-latest",
        "env": {"JOB": "the job"},
        "steps": [{"uses": "actions/checkout@v4"}, *steps],
    }
    return yaml.safe_dump({"on": "push", "jobs": {"job": job}}, sort_keys=False)


def uses(action: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - a step's own
    return {"uses": f"./.github/actions/{action}", **more}


def test_a_local_action_has_its_inputs_files_and_outputs(app: Clone) -> None:
    words = said(
        app,
        workflow(
            uses("greet", id="g", **{"with": {"who": "Ada"}}),
            {"run": 'echo "got ${{ steps.g.outputs.greeting }}; $LATER"'},
        ),
    )
    assert "Z got hello Ada of the job; set by an action" in words
    assert "Z words of its own" in words
    assert ("Z IT IS QUIET" in words, "Z IT IS LOUD" in words) == (True, False)


def test_an_action_may_call_another_and_tolerate_a_failure(app: Clone) -> None:
    words = said(
        app,
        workflow(
            uses("outer", id="o", **{"with": {"name": "Grace"}}),
            {"run": 'echo "got ${{ steps.o.outputs.inner }}"'},
        ),
    )
    assert "Z got hello Grace of the job" in words
    assert "Z then failure success" in words
    assert "Z IT IS LOUD" in words


def test_an_action_that_fails_fails_its_step_but_runs_what_always_runs(app: Clone) -> None:
    run = begun(app, workflow(uses("failing", name="It fails"), {"name": "After", "run": "echo AFTER"}))
    assert app.ended(run)["conclusion"] == "failure"
    (job,) = app.api(f"actions/runs/{run}/jobs")["jobs"]
    found = {step["name"]: step["conclusion"] for step in job["steps"]}
    assert (found["It fails"], found["After"]) == ("failure", "skipped")
    words = log(app, run)
    assert ("Z NOT REACHED" in words, "Z REACHED ANYWAY" in words) == (False, True)


def test_an_action_that_fails_may_be_tolerated_by_its_workflow(app: Clone) -> None:
    words = said(app, workflow(uses("failing", **{"continue-on-error": True}), {"run": "echo went on"}))
    assert "Z went on" in words


def test_the_post_step_of_a_bundled_action_in_a_local_one_runs(app: Clone) -> None:
    """cache within a composite action saves at the end, and the next run finds it."""
    text = workflow(uses("cached", id="c"), {"run": 'echo "hit=${{ steps.c.outputs.hit }}"'})
    first = said(app, text)
    assert "Cache saved with key: from-a-composite" in first
    second = said(app, text + "# again\n")
    assert "Z hit=true" in second


def test_an_action_that_is_not_here_is_named_though_a_local_one_calls_it(app: Clone) -> None:
    run = begun(app, workflow(uses("unknown")))
    assert app.ended(run)["conclusion"] == "failure"
    assert "elsewhere/action@v1 is not on this machine" in log(app, run)
