import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carelane.base.errors import InputError
from carelane.config import documents


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        documents.read(text, "carelane.yaml")
    return caught.value.message


def test_every_value_knows_where_it_was_written() -> None:
    document = documents.read("system: clinic\nservices:\n  backend: {run: [a, b]}\n", "carelane.yaml")
    assert document.where(("services", "backend", "run")) == "carelane.yaml:3:13"
    assert document.where(("services", "backend", "run", 1)) == "carelane.yaml:3:22"


def test_what_is_not_there_is_placed_at_what_is_above_it() -> None:
    document = documents.read("system: clinic\nservices:\n  backend: {}\n", "carelane.yaml")
    assert document.where(("services", "backend", "run")) == "carelane.yaml:3:3"
    assert document.where(("nothing", "at", "all")) == "carelane.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "carelane.yaml:1:1: the file is empty"),
        ("# only a remark\n", "carelane.yaml:1:1: the file is empty"),
        ("- a\n- b\n", "carelane.yaml:1:1: a mapping is expected"),
        ("just words", "carelane.yaml:1:1: a mapping is expected"),
        ("system: a\nsystem: b\n", "carelane.yaml:2:1: system is said twice"),
        ("a:\n  b: {c: 1, c: 2}\n", "carelane.yaml:2:13: c is said twice"),
        ("a: [1, 2\n", "carelane.yaml:2:1: not YAML"),
        ("a: b: c\n", "carelane.yaml:1:5: not YAML"),
        ("a:\n\t- b\n", "carelane.yaml:2:1: not YAML"),
        ("a: *nobody\n", "carelane.yaml:1:4: not YAML"),
        ("a: 1\n---\nb: 2\n", "carelane.yaml:2:1: not YAML"),
        ("a: !!python/object:os.system {}\n", "carelane.yaml:1:4: not YAML"),
    ],
)
def test_each_mistake_has_its_place(text: str, said: str) -> None:
    assert refused(text).startswith(said)
    assert "\n" not in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: \x00\n",  # a character no YAML has
        "? [a, b]\n: c\n",  # a key that is a list
        "a: 2026-13-45\n",  # a date there is not
        "a: &a [*a]\n",  # a list within itself
        "a: !!int words\n",
    ],
)
def test_whatever_is_in_the_file_is_refused_rather_than_breaking_the_program(text: str) -> None:
    assert refused(text).startswith("carelane.yaml:")


@given(st.text("ab: -#[]{}&*!?|>'\"\n\t", max_size=12))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(InputError):
        documents.read(f"key: {text}", "carelane.yaml")


@pytest.mark.parametrize("text", ['system: "\\ud800"', "a: " + "[" * 5000 + "]" * 5000, 'a: {"\\udfff": 1}'])
def test_half_a_character_and_what_is_nested_without_end_are_one_clear_error(text: str) -> None:
    with pytest.raises(InputError):
        documents.read(text, "carelane.yaml")
