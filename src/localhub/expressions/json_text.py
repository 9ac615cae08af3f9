"""JSON as JavaScript reads and writes it: strict, and numbers in their shortest form."""

import json
import math
import re
from collections.abc import Iterator
from typing import NoReturn

from localhub.base.errors import ExpressionError
from localhub.expressions import values
from localhub.expressions.values import Value

MAX_DEPTH = 100
SURROGATES = re.compile("[\ud800-\udfff]")


def read(text: str) -> Value:
    """The value that JSON text holds; of keys that differ only in case the first stands.

    Raises:
        ExpressionError: If it is empty, no JSON, or nested deeper than 100 levels.
    """
    if not text.strip(values.SPACES):
        raise ExpressionError("Error parsing fromJson: the input is empty")
    try:
        found: Value = json.loads(
            text, parse_int=whole, parse_constant=refuse, object_pairs_hook=folded, strict=True
        )
        check_depth(found)
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise ExpressionError(f"Error parsing fromJson: {error}") from error
    return found


def whole(digits: str) -> float:
    """A number without a point: a double like any other."""
    return values.shortest(float(digits))


def refuse(word: str) -> NoReturn:
    """NaN and Infinity: Python's extension of JSON."""
    raise ValueError(f"{word} is not JSON")


def folded(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    """An object: the last of equal keys stands, the first of keys that differ in case."""
    found: dict[str, Value] = {}
    seen: set[str] = set()
    for key, value in dict(pairs).items():
        if key.lower() not in seen:
            seen.add(key.lower())
            found[key] = value
    return found


def too_deep() -> ExpressionError:
    """The refusal of what would exhaust the stack."""
    return ExpressionError(f"Error parsing fromJson: nested deeper than {MAX_DEPTH} levels")


def check_depth(value: Value) -> None:
    """Refuses what is nested too deep, level by level and without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for held in level for inner in elements(held)]
        if not level:
            return
    raise too_deep()


def elements(value: Value) -> Iterator[Value]:
    """What an array or object holds."""
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def write(value: Value, indent: str = "  ") -> str:
    """A value as JSON: `toJSON`'s own form with two spaces, on one line with an *indent* of ''."""
    return "".join(pieces(value, indent, "\n" if indent else ""))


def pieces(value: Value, indent: str, line: str) -> Iterator[str]:
    """The parts of a value's JSON, in order; *line* is what starts a line at its level."""
    if isinstance(value, dict):
        held = [(f"{quoted(key)}:{' ' if indent else ''}", inner) for key, inner in value.items()]
        yield from enclosed("{}", held, indent, line)
    elif isinstance(value, list):
        yield from enclosed("[]", [("", inner) for inner in value], indent, line)
    else:
        yield scalar(value)


def enclosed(brackets: str, held: list[tuple[str, Value]], indent: str, line: str) -> Iterator[str]:
    """Elements between brackets, each after what it is headed by."""
    if not held:
        yield brackets
        return
    opening = brackets[0]
    for head, inner in held:
        yield f"{opening}{line}{indent}{head}"
        yield from pieces(inner, indent, line + indent)
        opening = ","
    yield f"{line}{brackets[1]}"


def scalar(value: values.Primitive) -> str:
    """A value without parts; NaN and the infinities have no JSON and become null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    double = values.double(value)
    return values.number_text(double) if math.isfinite(double) else "null"


def quoted(text: str) -> str:
    """Text as a JSON string, with no more escapes than it needs."""
    return SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
