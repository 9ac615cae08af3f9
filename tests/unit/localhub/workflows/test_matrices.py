"""Matrices; the first examples are those of docs.github.com, "Running variations of jobs in a workflow"."""

import pytest

from localhub.base.errors import InputError
from localhub.expressions import Value
from localhub.workflows import matrices


def test_include_extends_what_it_does_not_overwrite_and_else_adds() -> None:
    """The docs' own example of fruits and animals, with its six combinations in their order."""
    found = matrices.combinations(
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
    found = matrices.combinations(
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
    assert matrices.combinations(matrix) == [{"a": 1}, {"a": 2, "b": 3}]


def test_include_alone_makes_a_combination_of_each_entry() -> None:
    assert matrices.combinations({"include": [{"a": 1}, {"b": 2}]}) == [{"a": 1}, {"b": 2}]


def test_parts_of_arrays_and_objects_are_compared() -> None:
    matrix: Value = {"a": [{"x": 1, "y": [1, 2]}, {"x": 2}], "exclude": [{"a": {"x": 1, "y": [1, 2]}}]}
    assert matrices.combinations(matrix) == [{"a": {"x": 2}}]


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
        ({**{name: list(range(20)) for name in "abcdefgh"}, "exclude": [{}]}, "before its exclusions"),
    ],
)
def test_what_is_no_matrix_is_refused(matrix: Value, message: str) -> None:
    with pytest.raises(InputError, match=message):
        matrices.combinations(matrix)


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
    assert matrices.job_name("test", combination) == name
