"""What a step may write into GITHUB_OUTPUT and GITHUB_ENV."""

import pytest

from localhub.execution.file_commands import checked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=1\n",
        "a=b=c\nempty=\n",
        "a=1 << 2\n",
        "a<<EOF\none\n\nno equals sign\nEOF\n",
        "a<<EOF\nEOF\nb=2\n",
        "a<<<EOF\nx\n<EOF\n",
        "a<<=\nx\n=\n",
        "a=1\r\n",
    ],
)
def test_what_can_be_read_stays_as_it_is(text: str) -> None:
    assert checked(text) == (text, "")


def test_empty_rows_between_values_are_taken_out_and_the_last_row_is_ended() -> None:
    assert checked("\n\na<<EOF\n\nEOF\n\nb=2") == ("a<<EOF\n\nEOF\nb=2\n", "")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("no equals sign", "Invalid format 'no equals sign'"),
        ("=1", "Invalid format '=1'. Name must not be empty"),
        ("<<EOF\n1\nEOF", "Invalid format '<<EOF'. Name must not be empty and delimiter must not be empty"),
        ("a<<", "Invalid format 'a<<'. Name must not be empty and delimiter must not be empty"),
        ("a<<EOF\none\nEOF ", "Invalid value. Matching delimiter not found 'EOF'"),
        ("\r", "Invalid format '\r'"),
    ],
)
def test_what_precedes_a_malformed_row_is_kept_and_the_row_is_named(row: str, words: str) -> None:
    assert checked(f"a=1\nb<<E\n2\nE\n{row}\nc=3\n") == ("a=1\nb<<E\n2\nE\n", words)
