"""Which actions a job uses, those within composite actions too, and which it cannot have."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from localhub.base.errors import NotFoundError
from localhub.execution.uses import Actions, Used
from localhub.runs.ports import Order

COMPOSITE = "runs:\n  using: composite\n  steps:\n"


def used(folder: Path, uses: str, files: Mapping[str, str], mapped: Mapping[str, Path] | None = None) -> Used:
    """What a job with one step finds, in a repository with these files."""

    def text(repository: str, sha: str, path: str) -> str:
        assert (repository, sha) == ("acme/app", "abc")
        if path not in files:
            raise NotFoundError(path)
        return files[path]

    workflow = {"jobs": {"job": {"steps": [{"run": "true"}, {"uses": uses}]}}}
    order = Order(1, 1, "acme/app", "abc", "push", {}, workflow, ())
    return Actions(folder / "ours", mapped or {}, text).of(order)


def test_actions_within_a_composite_action_are_found_however_deep(tmp_path: Path) -> None:
    files = {
        "a/action.yml": COMPOSITE + "  - uses: ./b\n  - uses: actions/cache@v4\n",
        "b/action.yaml": COMPOSITE + "  - uses: ./a\n  - uses: acme/tool/sub@main\n",
    }
    tool = tmp_path / "tool"
    (tool / "sub").mkdir(parents=True)
    (tool / "sub" / "action.yml").write_text(COMPOSITE + "  - uses: actions/setup-python@v5\n")
    found = used(tmp_path, "./a", files, {"acme/tool": tool})
    assert found.problems == ()
    assert found.folders == {
        "acme/tool/sub@main": tool,
        "actions/cache@v4": tmp_path / "ours" / "cache",
        "actions/setup-python@v5": tmp_path / "ours" / "setup-python",
    }


def test_the_repository_itself_can_be_an_action(tmp_path: Path) -> None:
    files = {"action.yml": COMPOSITE + "  - uses: actions/cache@v4\n"}
    assert list(used(tmp_path, "./", files).folders) == ["actions/cache@v4"]


def test_an_action_that_steps_make_meanwhile_is_left_to_them(tmp_path: Path) -> None:
    assert used(tmp_path, "./made/by/a/step", {}) == Used()


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (COMPOSITE + "  - uses: acme/other@v1\n", "acme/other@v1 is not on this machine"),
        ("runs: {using: docker, image: Dockerfile}", "runs in a container, which localhub refuses"),
        (COMPOSITE + "  - uses: docker://alpine\n", "refused: localhub runs steps as processes"),
        (COMPOSITE + "  - uses: ./../../etc\n", "leaves the repository"),
        ("runs: {using: [", "./a: This is no YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" * 1 + "c: [" + "*b, " * 60_000 + "]", "./a: "),
    ],
)
def test_what_cannot_be_had_is_said_before_any_step_runs(tmp_path: Path, definition: str, said: str) -> None:
    (problem,) = used(tmp_path, "./a", {"a/action.yml": definition}).problems
    assert said in problem.message
    assert problem.level == "failure"


@pytest.mark.parametrize(
    "definition", ["", "runs: composite", "runs: {steps: 3}", "[]", "runs: {steps: [x, {uses: 1}]}"]
)
def test_what_is_no_action_is_left_to_act_to_say(tmp_path: Path, definition: str) -> None:
    assert used(tmp_path, "./a", {"a/action.yml": definition}) == Used()
