"""Values and how they are coerced: to numbers, to text, to yes or no.

Numbers are doubles, as in JavaScript; an int that a caller brings along is one written shorter.
Objects are dicts whose keys are found whatever their case.

Source: docs.github.com, "Evaluate expressions in workflows and actions"; where that is silent,
@actions/expressions 0.3.61 (data/*.ts, result.ts), GitHub's own.
"""

import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TypeAlias

Value: TypeAlias = "bool | float | str | list[Value] | dict[str, Value] | None"
Primitive: TypeAlias = bool | float | str | None

SPACES = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What JavaScript trims and its regular expressions call a space; Python's own set is another."""

DECIMAL = re.compile(r"[+-]?(?:Infinity|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)")
BASES = {"0x": 16, "0o": 8, "0b": 2}
DIGITS = {16: re.compile(r"[0-9a-fA-F]+"), 8: re.compile(r"[0-7]+"), 2: re.compile(r"[01]+")}
DOTLESS_I = "\u0131"
LARGEST_PLAIN = 10**21
"""From here on JavaScript writes numbers with an exponent."""
SAFE = 2**53
"""Below this every whole number is a double."""


class Filtered(list["Value"]):
    """What `.*` gives: an array whose further dereferences reach into its elements."""


def truthy(value: Value) -> bool:
    """Whether a condition holds: false, 0, -0, NaN, '' and null do not; arrays and objects always do."""
    if isinstance(value, (list, dict)):
        return True
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return bool(value)


def number(value: Value) -> float:
    """A value as a number: NaN for arrays, objects and text that is none; '' and null are 0."""
    if value is None:
        return 0.0
    if isinstance(value, str):
        return parsed(value)
    if isinstance(value, (list, dict)):
        return math.nan
    return double(value)


def double(value: float) -> float:
    """A Python number as JavaScript would hold it."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def parsed(text: str) -> float:
    """Text as JavaScript's Number() reads it."""
    bare = text.strip(SPACES)
    if not bare:
        return 0.0
    base = BASES.get(bare[:2].lower())
    if base is not None:
        return double(int(bare[2:], base)) if DIGITS[base].fullmatch(bare[2:]) else math.nan
    if not DECIMAL.fullmatch(bare):
        return math.nan
    return float(bare)


def shortest(value: float) -> float:
    """A number as Python writes it shortest: an int where that is the same number."""
    return int(value) if math.isfinite(value) and int(value) == value and abs(value) < SAFE else value


def text(value: Value) -> str:
    """A value as it stands in text: arrays and objects give only the name of their kind."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "Array"
    if isinstance(value, dict):
        return "Object"
    return number_text(rounded(double(value)))


def rounded(value: float) -> float:
    """A number with at most 15 digits after its point, as text shows it."""
    if not math.isfinite(value) or abs(value) >= LARGEST_PLAIN:
        return value
    with localcontext() as context:
        context.prec = 60
        return float(Decimal(value).quantize(Decimal("1e-15"), ROUND_HALF_UP))


def number_text(value: float) -> str:
    """A number as JavaScript's String() writes it: the shortest digits that read back the same."""
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    _, found, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    digits = "".join(map(str, found))
    assert isinstance(exponent, int)  # noqa: S101 - only NaN and infinity have a letter there
    point = len(digits) + exponent
    if 0 < point <= 21:
        whole = digits.ljust(point, "0")
        return f"{sign}{whole[:point]}.{whole[point:]}".removesuffix(".")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def upper(words: str) -> str:
    """Text as it is compared; the dotless i stays itself, so that it is no I."""
    return DOTLESS_I.join(part.upper() for part in words.split(DOTLESS_I))


def coerced(left: Value, right: Value) -> tuple[Value, Value]:
    """Both sides of a comparison, brought to one kind where the language does so: to numbers."""
    if kind(left) == kind(right):
        return left, right
    if isinstance(left, (list, dict)) and not isinstance(right, (bool, type(None))):
        return left, right
    if isinstance(right, (list, dict)) and not isinstance(left, (bool, type(None))):
        return left, right
    return (
        left if isinstance(left, (list, dict)) else number(left),
        right if isinstance(right, (list, dict)) else number(right),
    )


def kind(value: Value) -> str:
    """The language's name for a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    if isinstance(value, dict):
        return "object"
    return "number"


def equal(left: Value, right: Value) -> bool:
    """Loose equality: text whatever its case, different kinds as numbers, arrays and objects by identity."""
    left, right = coerced(left, right)
    if kind(left) != kind(right):
        return False
    if isinstance(left, str) and isinstance(right, str):
        return upper(left) == upper(right)
    if isinstance(left, (list, dict)):
        return left is right
    return number(left) == number(right)


def less(left: Value, right: Value) -> bool:
    """Whether *left* comes before *right*; never for arrays, objects and what does not compare."""
    left, right = coerced(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return ordered(left) < ordered(right)
    if kind(left) == kind(right) and isinstance(left, (bool, int, float)):
        return number(left) < number(right)
    return False


def ordered(words: str) -> bytes:
    """What text is sorted by: UTF-16 units, as in JavaScript."""
    return upper(words).encode("utf-16-be", "surrogatepass")


def member(held: Mapping[str, Value], name: str) -> Value:
    """A property by its name, whatever its case; null where there is none."""
    if name in held:
        return held[name]
    wanted = name.lower()
    return next((value for key, value in held.items() if key.lower() == wanted), None)


def has(held: Mapping[str, object], name: str) -> bool:
    """Whether there is such a property, whatever its case."""
    return name in held or name.lower() in map(str.lower, held)
