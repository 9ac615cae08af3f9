"""Matrices; the first examples are those of docs.github.com, "Running variations of jobs in a workflow"."""

import pytest

from localhub.base.errors import InputError
from localhub.expressions import Value
from localhub.workflows import matrices
from localhub.workflows.matrices import Combination


def values_of(matrix: Value) -> list[dict[str, Value]]:
    return [combination.chosen for combination in matrices.combinations(matrix)]


def names_of(matrix: Value) -> list[str]:
    return [matrices.job_name("unit", combination) for combination in matrices.combinations(matrix)]


def test_include_extends_what_it_does_not_overwrite_and_else_adds() -> None:
    """The docs' own example of fruits and animals, with its six combinations in their order."""
    found = values_of(
        {
            "fruit": ["apple", "pear"],
            "animal": ["cat", "dog"],
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        }
    )
    assert found == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_exclude_leaves_out_what_it_matches_in_part() -> None:
    """The docs' example of operating systems, versions and environments: 12 less 3."""
    found = values_of(
        {
            "os": ["macos-latest", "windows-latest"],
            "version": [12, 14, 16],
            "environment": ["staging", "production"],
            "exclude": [
                {"os": "macos-latest", "version": 12, "environment": "production"},
                {"os": "windows-latest", "version": 16},
            ],
        }
    )
    assert len(found) == 9
    assert {"os": "macos-latest", "version": 12, "environment": "staging"} in found
    assert not any(each["os"] == "windows-latest" and each["version"] == 16 for each in found)


def test_include_comes_after_exclude_and_may_bring_back() -> None:
    matrix: Value = {"a": [1, 2], "exclude": [{"a": 2}], "include": [{"a": 2, "b": 3}]}
    assert values_of(matrix) == [{"a": 1}, {"a": 2, "b": 3}]


def test_include_alone_makes_a_combination_of_each_entry() -> None:
    assert values_of({"include": [{"a": 1}, {"b": 2}]}) == [{"a": 1}, {"b": 2}]


def test_parts_of_arrays_and_objects_are_compared() -> None:
    matrix: Value = {"a": [{"x": 1, "y": [1, 2]}, {"x": 2}], "exclude": [{"a": {"x": 1, "y": [1, 2]}}]}
    assert values_of(matrix) == [{"a": {"x": 2}}]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("x", "must be a mapping"),
        (None, "not null"),
        ({}, "at least one vector"),
        ({"a": []}, "does not contain any values"),
        ({"a": "b"}, "must be an array, not a string"),
        ({"a": [1], "include": {"a": 1}}, "include must be an array"),
        ({"a": [1], "exclude": [1]}, "must be a mapping"),
        ({"a": list(range(257))}, "more than 256 jobs"),
        ({"a": list(range(256)), "include": [{"a": 999}]}, "more than 256 jobs"),
        ({name: list(range(20)) for name in "abcdefgh"}, "more than 256 jobs"),
        (
            {**{name: list(range(20)) for name in "abcdefgh"}, "exclude": [{"a": {}}]},
            "before its exclusions",
        ),
        ({"a": [1], "exclude": [{"b": 1}]}, "exclude key 'b' does not match any key within the matrix"),
        ({"a": [1], "exclude": [{}]}, "An entry of matrix exclude does not contain any values"),
        ({"a": [1], "include": [{}]}, "An entry of matrix include does not contain any values"),
    ],
)
def test_what_is_no_matrix_is_refused(matrix: Value, message: str) -> None:
    with pytest.raises(InputError, match=message):
        values_of(matrix)


@pytest.mark.parametrize(
    ("combination", "name"),
    [
        (None, "test"),
        ({"py": 3.12, "suite": "unit"}, "test (3.12, unit)"),
        ({"a": True, "b": None, "c": ""}, "test (true)"),
        ({"a": {"x": 1, "y": ["p", "q"]}}, "test (1, p, q)"),
        ({"a": "x" * 200}, f"test ({'x' * 91}..."),
    ],
)
def test_a_job_is_named_after_its_combination(combination: dict[str, Value] | None, name: str) -> None:
    made = None if combination is None else Combination(combination, len(combination))
    assert matrices.job_name("test", made) == name


def test_what_an_include_only_adds_is_not_in_the_name() -> None:
    """MatrixBuilder.CreateConfiguration of actions/runner: the name is made before extra values are added."""
    assert names_of({"suite": ["alpha", "beta"], "include": [{"suite": "alpha", "minutes": 30}]}) == [
        "unit (alpha)",
        "unit (beta)",
    ]


def test_an_include_that_fits_nothing_is_named_by_the_vectors_first() -> None:
    """MatrixInclude.GetUnmatchedVectors of actions/runner: the filter's pairs, then the others."""
    matrix: Value = {"suite": ["alpha"], "include": [{"minutes": 30, "suite": "gamma"}]}
    assert names_of(matrix) == ["unit (alpha)", "unit (gamma, 30)"]


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ({"a": {"x": 1}}, ["2", "other"]),
        ({"a": {"y": [9]}}, ["2", "other"]),
        ({"a": {"y": [9, 0]}}, ["2", "other"]),  # what is not there is null, which equals 0
        ({"A": {"X": "1"}}, ["2", "other"]),
        ({"a": "other"}, ["1", "2"]),
        ({"a": {}}, []),
    ],
)
def test_entries_are_compared_by_each_single_value_in_them(entry: dict[str, Value], left: list[str]) -> None:
    """MatrixFilter of actions/runner: an expression `matrix['a']['x'] == 1` a leaf."""
    vector: list[Value] = [{"x": 1, "y": [9], "name": "1"}, {"x": 2, "name": "2"}, "other"]
    found = values_of({"a": vector, "exclude": [entry]})
    assert [each["a"]["name"] if isinstance(each["a"], dict) else each["a"] for each in found] == left
