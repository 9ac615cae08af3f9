"""The functions that every expression has; those that know a run are given by the caller."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from localhub.base.errors import ExpressionError
from localhub.expressions import json_text, values
from localhub.expressions.values import Value

MAX_ARGUMENTS = 255
MAX_CHARACTERS = 10 * 1024 * 1024
"""What one function may give: `format` or `toJSON` within itself doubles its text at every level."""

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(?P<index>[0-9]+)[^}]*\}|[{}]")


@dataclass(frozen=True)
class Arity:
    """How many arguments a function takes."""

    least: int
    most: int = MAX_ARGUMENTS

    def check(self, name: str, given: int) -> None:
        """Refuses a wrong number of arguments, in GitHub's words."""
        if given < self.least:
            raise ExpressionError(f"Too few parameters supplied: '{name}'")
        if given > self.most:
            raise ExpressionError(f"Too many parameters supplied: '{name}'")
        if name.lower() == "case" and given % 2 == 0:
            raise ExpressionError(
                f"Even number of parameters supplied, requires an odd number of parameters: '{name}'"
            )


def contains(search: Value, item: Value) -> Value:
    """Whether text has a part, or an array an element, whatever their case."""
    if isinstance(search, list):
        return any(values.equal(item, element) for element in search)
    if isinstance(search, dict) or isinstance(item, (list, dict)):
        return False
    return values.text(item).lower() in values.text(search).lower()


def starts_with(text: Value, start: Value) -> Value:
    """Whether text starts so, whatever its case."""
    if isinstance(text, (list, dict)) or isinstance(start, (list, dict)):
        return False
    return values.upper(values.text(text)).startswith(values.upper(values.text(start)))


def ends_with(text: Value, end: Value) -> Value:
    """Whether text ends so, whatever its case."""
    if isinstance(text, (list, dict)) or isinstance(end, (list, dict)):
        return False
    return values.upper(values.text(text)).endswith(values.upper(values.text(end)))


def format_text(form: Value, *replacements: Value) -> Value:
    """Text with its `{0}`, `{1}`, … replaced; braces stand doubled."""
    source = values.text(form)
    found: list[str] = []
    length = at = 0
    for match in PLACEHOLDER.finditer(source):
        found += [source[at : match.start()], replacement(match, source, replacements)]
        length += len(found[-1]) + len(found[-2])
        check_length(length)
        at = match.end()
    return "".join([*found, source[at:]])


def replacement(match: re.Match[str], source: str, replacements: tuple[Value, ...]) -> str:
    """What stands instead of a placeholder or a doubled brace."""
    if match[0] in {"{{", "}}"}:
        return match[0][0]
    if match["index"] is None:
        raise ExpressionError(f"The following format string is invalid: {source}")
    # More digits than this are beyond every list of arguments; int() refuses thousands of them.
    index = int(match["index"]) if len(match["index"].lstrip("0")) < 10 else MAX_ARGUMENTS
    if index >= len(replacements):
        raise ExpressionError(
            f"The following format string references more arguments than were supplied: {source}"
        )
    return values.text(replacements[index])


def join(array: Value, separator: Value = ",") -> Value:
    """An array's elements as one text; text stays as it is."""
    if isinstance(array, dict):
        return ""
    if not isinstance(array, list):
        return values.text(array)
    between = "," if isinstance(separator, (list, dict)) else values.text(separator)
    elements = [values.text(element) for element in array]
    check_length(sum(map(len, elements)) + len(between) * len(elements))
    return between.join(elements)


def to_json(value: Value) -> Value:
    """A value as indented JSON."""
    written = json_text.write(value)
    check_length(len(written))
    return written


def from_json(text: Value) -> Value:
    """The value that JSON text holds."""
    return json_text.read(values.text(text))


def case(*arguments: Value) -> Value:
    """The value after the first predicate that is true, else the last one."""
    for predicate, value in zip(arguments[:-1:2], arguments[1::2], strict=True):
        if not isinstance(predicate, bool):
            raise ExpressionError("case predicate must evaluate to a boolean value")
        if predicate:
            return value
    return arguments[-1]


def check_length(characters: int) -> None:
    """Refuses a text that only an attack would make."""
    if characters > MAX_CHARACTERS:
        raise ExpressionError(f"The result is longer than {MAX_CHARACTERS} characters")


BUILT_IN: dict[str, tuple[Callable[..., Value], Arity]] = {
    "case": (case, Arity(3, 2**53)),
    "contains": (contains, Arity(2, 2)),
    "endswith": (ends_with, Arity(2, 2)),
    "format": (format_text, Arity(1)),
    "fromjson": (from_json, Arity(1, 1)),
    "join": (join, Arity(1, 2)),
    "startswith": (starts_with, Arity(2, 2)),
    "tojson": (to_json, Arity(1, 1)),
}

STATUS = frozenset({"success", "failure", "cancelled", "always"})

GIVEN: dict[str, Arity] = {
    "success": Arity(0),
    "failure": Arity(0),
    "cancelled": Arity(0, 0),
    "always": Arity(0, 0),
    "hashfiles": Arity(1),
}
"""The functions that know a run, with what they take; a job's `if` may name jobs in success and failure."""
