"""Reading as a whole is compared with GitHub's parser in tests/contract/localhub; here is what is our own."""

import math

import pytest

from localhub import workflows
from localhub.base.errors import InputError
from localhub.workflows import WorkflowError, documents, graph, references

JOB = "on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n"


def test_every_problem_is_told_with_its_line() -> None:
    text = "on: pushh\njobs:\n  a:\n    runs-on: x\n    foo: 1\n    steps:\n      - uses: docker://x\n"
    with pytest.raises(WorkflowError) as caught:
        workflows.read(text, ".github/workflows/w.yml")
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(1, 5), (5, 5), (7, 15)]
    assert caught.value.status == 400
    assert ".github/workflows/w.yml" in caught.value.message
    assert "containers" in caught.value.message


def test_a_problem_within_a_block_is_told_with_its_own_line() -> None:
    text = JOB.replace(
        "[{run: x}]", "\n      - run: |\n          ok\n          ${{ a }}\n          ${{ b }} ${{\n"
    )
    with pytest.raises(WorkflowError) as caught:
        workflows.read(text, "w.yml")
    assert [problem.line for problem in caught.value.problems] == [9]
    with pytest.raises(WorkflowError) as caught:
        workflows.read(text.replace(" ${{\n", "\n"), "w.yml")
    assert [problem.line for problem in caught.value.problems] == [8, 9]


def test_where_things_stand_is_kept() -> None:
    read = workflows.read(JOB, "w.yml")
    assert (read.on["push"].line, read.jobs["a"].line, read.jobs["a"].steps[0].line) == (1, 3, 5)
    assert read.name == "w.yml"


def test_jobs_come_after_what_they_need() -> None:
    text = "on: push\njobs:\n"
    for name, needs in [("d", "[b, c]"), ("b", "a"), ("c", "[a]"), ("a", "[]"), ("e", "[]")]:
        text += f"  {name}: {{runs-on: x, needs: {needs}, steps: [{{run: x}}]}}\n"
    read = workflows.read(text, "w.yml")
    assert graph.ordered(read) == ("a", "e", "b", "c", "d")
    assert graph.ancestors(read, "d") == {"a", "b", "c"}
    assert graph.ancestors(read, "a") == frozenset()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "More than 50000 values"),
        ("a: &a [*a]\n", "stands for itself"),
        ("[" * 60 + "]" * 60, "Nested deeper than 50"),
        ("".join(f"{' ' * n}a:\n" for n in range(60)), "Nested deeper than 50"),
        ("a: &a [[[[[[[[[[x]]]]]]]]]]\n" + "b: " + "[" * 42 + "*a" + "]" * 42, "Nested deeper than 50"),
        (f"# {'x' * 1024 * 1024}", "larger than"),
        ("[" * 100_000, "Nested deeper than 50|nesting depth"),
        ("a: 1\n---\na: 2\n", "More than one document"),
        ("a: !!python/object/apply:os.system [true]\n", "not supported"),
        ("a: !x 1\n", "not supported"),
        ("? [a]\n: 1\n", "must be a scalar"),
        ("a: 1\nA: 2\n", "already defined"),
        ("a: *b\n", "no anchor|undefined alias"),
        ("a: '\n", "no YAML"),
        ("\x00", "no YAML"),
        ("\ud800", "no YAML"),
    ],
)
def test_a_harmful_or_broken_document_is_refused(text: str, message: str) -> None:
    with pytest.raises(documents.DocumentError, match=message):
        documents.read(text)


def test_plain_scalars_are_what_yaml_1_2_says() -> None:
    text = "[on, yes, NO, True, 0o17, 0x1F, 1e3, 012, 1_000, .inf, -.INF, ~, '1', 1.50, '', 2024-01-01, 1:30]"
    expected = ["on", "yes", "NO", True, 15, 31, 1000, 12, "1_000", math.inf, -math.inf, None]
    assert documents.plain(documents.read(text)) == [*expected, "1", 1.5, "", "2024-01-01", "1:30"]


@pytest.mark.parametrize(
    ("written", "path", "repository"),
    [
        ("./", "", ""),
        ("./.github/actions/a", ".github/actions/a", ""),
        ("./a/../b", "b", ""),
        ("actions/checkout@v4", "", "actions/checkout"),
        ("github/codeql-action/init@8f2a", "init", "github/codeql-action"),
        ("a/b@refs/heads/x-y", "", "a/b"),
    ],
)
def test_an_action_is_found(written: str, path: str, repository: str) -> None:
    found = references.action(written)
    assert found.path == path
    assert "/".join(filter(None, [found.owner, found.repository])) == repository
    assert found.local is (repository == "")


@pytest.mark.parametrize(
    "written",
    ["a", "a/b", "a/b@", "@v1", "/a/b@v1", "a/..@v1", "a/b/../../c@v1", "./../x", "./a/../../x", "../x",
     "docker://alpine", "a/b@v 1", "a b/c@v1", ".\\x", "./a\\..\\..", "a/b@c@d", "https://x/y@z"],
)  # fmt: skip
def test_what_leaves_the_repository_or_is_no_reference_is_refused(written: str) -> None:
    with pytest.raises(InputError):
        references.action(written)


@pytest.mark.parametrize(
    "written",
    ["./.github/workflows/a/b.yml", "./.github/workflows/../a.yml", "./a.yml", "./.github/workflows/a.txt",
     "./.github/workflows/a.yml@v1", "a/b@v1", "a/b/.github/workflows/a.yml", "./.github/workflows/"],
)  # fmt: skip
def test_what_is_no_reusable_workflow_is_refused(written: str) -> None:
    with pytest.raises(InputError):
        references.workflow(written)


def test_a_reusable_workflow_is_found() -> None:
    assert references.workflow("./.github/workflows/a.yml").path == ".github/workflows/a.yml"
    assert references.workflow("o/r/.github/workflows/a.yaml@v1").ref == "v1"


@pytest.mark.parametrize("written", ["./.github/workflows/x.yml", "$/.github/workflows/x.yml"])
def test_a_workflow_of_the_same_commit_is_named_in_two_ways(written: str) -> None:
    assert references.workflow(written) == references.Reference(".github/workflows/x.yml")


def test_an_action_of_the_same_commit_without_a_checkout_is_refused_with_the_way_that_works() -> None:
    with pytest.raises(InputError, match=r"'\$/tools/x' is not supported") as caught:
        references.action("$/tools/x")
    assert "uses: ./tools/x" in caught.value.hint
