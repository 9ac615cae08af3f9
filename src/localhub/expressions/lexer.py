"""Text to tokens."""

import math
from typing import NamedTuple

from localhub.base.errors import ExpressionError
from localhub.expressions import values

MAX_CHARACTERS = 21_000
BOUNDARIES = frozenset("()[],.!<>=&|" + values.SPACES)
OPERATORS = ("==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", ",", "*", "!", "<", ">")
WORDS: dict[str, values.Primitive] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": math.nan,
    "Infinity": math.inf,
}
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
NAME_CHARACTERS = LETTERS | frozenset("0123456789-")


class Token(NamedTuple):
    """A piece of an expression: an operator (*kind* is its text), a `name`, a `literal`, or the `end`."""

    kind: str
    written: str
    position: int
    value: values.Primitive = None


def unexpected(written: str, position: int, source: str) -> ExpressionError:
    """The error in GitHub's words; *position* counts from 0, the message from 1."""
    return ExpressionError(
        f"Unexpected symbol: '{written}'. Located at position {position + 1} within expression: {source}"
    )


def tokens(source: str) -> list[Token]:
    """The tokens of an expression, the last of kind `end`.

    Raises:
        ExpressionError: For what is no token, text that is not closed, or more than 21,000 characters.
    """
    if len(source.encode("utf-16-le", "surrogatepass")) // 2 > MAX_CHARACTERS:
        raise ExpressionError(f"Exceeded max expression length {MAX_CHARACTERS}")
    found: list[Token] = []
    at = 0
    while at < len(source):
        if source[at] in " \t\r\n":
            at += 1
            continue
        token = next_token(source, at, found[-1].kind if found else "")
        found.append(token)
        at += len(token.written)
    found.append(Token("end", "", at))
    return found


def next_token(source: str, at: int, before: str) -> Token:
    """The token that starts at *at*, after one of kind *before*."""
    first = source[at]
    if first == "'":
        return quoted(source, at)
    if first == "." and before in {"name", "]", ")", "*"}:
        return Token(".", ".", at)
    if first in "0123456789+-.":
        return numeral(source, at)
    for operator in OPERATORS:
        if source.startswith(operator, at):
            return Token(operator, operator, at)
    return word(source, at, before)


def quoted(source: str, at: int) -> Token:
    """A text in single quotes; a quote within it stands doubled."""
    end = at + 1
    while (end := source.find("'", end)) >= 0:
        if not source.startswith("''", end):
            written = source[at : end + 1]
            return Token("literal", written, at, written[1:-1].replace("''", "'"))
        end += 2
    raise unexpected(source[at:], at, source)


def numeral(source: str, at: int) -> Token:
    """A number: decimal, hexadecimal, octal, binary, with a sign or an exponent."""
    end = at + 1
    while end < len(source) and (source[end] not in BOUNDARIES or source[end] == "."):
        end += 1
    written = source[at:end]
    value = values.parsed(written)
    if math.isnan(value):
        raise unexpected(written, at, source)
    return Token("literal", written, at, values.shortest(value))


def word(source: str, at: int, before: str) -> Token:
    """A name, or one of the words that are literals; after a dot every word is a name."""
    end = at + 1
    while end < len(source) and source[end] not in BOUNDARIES:
        end += 1
    written = source[at:end]
    if written[0] not in LETTERS or not NAME_CHARACTERS.issuperset(written):
        raise unexpected(written, at, source)
    if before != "." and written in WORDS:
        return Token("literal", written, at, WORDS[written])
    return Token("name", written, at)
