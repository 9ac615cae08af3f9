"""Nothing is broken within a word, and nothing is lost, however narrow the terminal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carelane.cli.layout import table_lines, wrapped

STATUS = [
    *("ENVIRONMENT", "RELEASE", "SERVICE", "VERSION", "READY"),
    *("REQ/S", "ERRORS", "P95", "HEALTH", "MOVING"),
]
MOVING = "v2.1 Progressing (deployment 12)"
ROWS = [
    ["production", "v2.0", "backend", "v2.0 -> v2.1", "2/2", "12.5", "0.1%", "12.5 ms", "ok", MOVING],
    ["", "", "frontend", "v2.0", "2/2", "-", "-", "-", "", ""],
    ["staging", "-", "-", "-", "-", "-", "-", "-", "-", "nothing deployed"],
]
words = st.text("abcdefghij-/.", min_size=1, max_size=14)
cells = st.lists(words, max_size=6).map(" ".join)
tables = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.lists(words, min_size=n, max_size=n),
        st.lists(st.lists(cells, min_size=n, max_size=n), max_size=5),
    )
)


def drawn(headings: list[str], rows: list[list[str]], width: int | None) -> list[str]:
    lines = []
    for row, widths in table_lines(headings, rows, width):
        padded = [cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return lines


def test_where_it_fits_a_table_is_as_wide_as_its_cells() -> None:
    for width in (None, 200):
        assert drawn(STATUS, ROWS, width)[0].startswith("ENVIRONMENT  RELEASE  SERVICE   VERSION       READY")
        assert len(drawn(STATUS, ROWS, width)) == 4


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_status_fits_a_narrow_terminal(width: int) -> None:
    lines = drawn(STATUS, ROWS, width)
    assert max(map(len, lines)) <= width
    whole = "\n".join(lines)
    for word in ("Progressing", "production", "frontend", "v2.1", "12.5"):
        assert re.search(rf"(?<!\S){re.escape(word)}(?!\S)", whole), f"{word} is whole"
    assert len(lines) <= 12


def test_columns_with_nothing_in_them_go_first() -> None:
    quiet = [[*row[:5], "-", "-", "-", "ok", ""] for row in ROWS[:2]]
    lines = drawn(STATUS, quiet, 70)
    assert lines[0].split() == ["ENVIRONMENT", "RELEASE", "SERVICE", "VERSION", "READY", "HEALTH"]
    assert len(lines) == 3


def test_what_does_not_fit_beside_stands_below_its_row_behind_its_heading() -> None:
    beside = drawn(["NAME", "WHY"], [["a" * 12, "it is as it is"]], 20)
    assert beside == ["NAME          WHY", "aaaaaaaaaaaa  it is", "              as it", "              is"]
    below = drawn(["NAME", "WHY"], [["a" * 12, "antidisestablishment"]], 24)
    assert below == ["NAME", "aaaaaaaaaaaa", "  WHY", "    antidisestablishment"]


@given(tables, st.integers(20, 120))
def test_no_line_is_longer_than_the_terminal_but_for_a_word_that_is(
    table: tuple[list[str], list[list[str]]], width: int
) -> None:
    headings, rows = table
    lines = drawn(headings, rows, width)
    for line in lines:
        assert len(line) <= width or len(line.split()) == 1, line
    shown = {word for line in lines for word in line.split()}
    assert {word for row in rows for cell in row for word in cell.split()} - shown <= {"-"}


@given(st.lists(words, max_size=40).map(" ".join), st.integers(20, 120), st.integers(0, 6))
def test_a_sentence_is_wrapped_at_words_and_says_the_same(text: str, width: int, indent: int) -> None:
    given_text = " " * indent + text
    lines = wrapped(given_text, width).split("\n")
    assert " ".join(lines).split() == given_text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
    if len(lines) > 1:
        assert all(line.startswith(" " * indent) for line in lines)


def test_lines_that_fit_are_left_as_they_are_and_colours_take_no_room() -> None:
    text = "  kept   as  it is\n\n\x1b[31mred\x1b[0m"
    assert wrapped(text, 20) == text
    assert wrapped("\x1b[31m" + "x" * 20 + "\x1b[0m", 20) == "\x1b[31m" + "x" * 20 + "\x1b[0m"
