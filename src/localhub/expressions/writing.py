"""A tree as text again, in the form that act reads: decimal numbers, and JSON for what is no literal."""

import math
import re

from localhub.base.errors import ExpressionError
from localhub.expressions import json_text, nodes, values
from localhub.expressions.nodes import Node
from localhub.expressions.values import Filtered, Value

PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
WORDS = frozenset({"true", "false", "null"})
OPENING = "${{"
LARGEST_WHOLE = 2**31
SMALLEST = 1e-4
MAX_DIGITS = 15


def write(node: Node, times: int = 1, *, compared: bool = False) -> str:
    """A tree as an expression.

    Args:
        node: The tree.
        times: How often act evaluates what it gives: text in it that would be evaluated again is escaped.
        compared: Whether it is compared: only there a number matters as one, null, true and false are
            numbers too, and text is left as it is.

    Raises:
        ExpressionError: For NaN and the infinities, which act cannot be told.
    """

    def inner(part: Node) -> str:
        return write(part, times, compared=compared)

    match node:
        case nodes.Literal(value):
            found = literal(value, times, compared=compared)
        case nodes.Context(name):
            found = name
        case nodes.Group(part):
            found = f"({inner(part)})"
        case nodes.Not(operand):
            found = f"!{inner(operand)}"
        case nodes.Comparison(operators, operands):
            found = compared_in_turn(operators, [operand_text(operand) for operand in operands])
        case nodes.Logical(operator, operands):
            found = f" {operator} ".join(map(inner, operands))
        case nodes.Call(name, arguments):
            found = f"{name}({', '.join(map(inner, arguments))})"
        case nodes.Index(of, key):
            found = inner(of) + filter_again(of) + dereference(key)
    return found


def operand_text(operand: Node) -> str:
    """An operand of a comparison; one that compares itself stands in parentheses."""
    found = write(operand, compared=True)
    return f"({found})" if isinstance(operand, nodes.Comparison) else found


def compared_in_turn(operators: tuple[str, ...], operands: list[str]) -> str:
    """Comparisons in the order they are made: act's own order is another."""
    found = operands[0]
    for at, (sign, operand) in enumerate(zip(operators, operands[1:], strict=True)):
        found = f"{found} {sign} {operand}" if at == 0 else f"({found}) {sign} {operand}"
    return found


def escape(text: str, times: int = 1) -> str:
    """Text that is the same again after act has evaluated it *times* times.

    Every `${{` in it becomes an expression that gives it: `${{ '${{' }}` for once, and
    `${{ '${{ ''${{'' }}' }}` for twice. How often act 0.2.89 evaluates a text, measured: once what stands
    in a step (name, run, with, env), twice the env of a workflow or job, and once more what is handed
    to a composite action, be it by with or by env; also what a step writes to GITHUB_ENV, once.
    """
    return text.replace(OPENING, wrapped(OPENING, times))


def wrapped(text: str, times: int) -> str:
    """Text as an expression that gives it, and that again as one, and so on."""
    for _ in range(times):
        text = f"{OPENING} {quoted(text)} }}}}"
    return text


def filter_again(of: Node) -> str:
    """What makes a folded `.*` go on as one: a dereference of it reaches into its elements."""
    return ".*" if isinstance(of, nodes.Literal) and isinstance(of.value, Filtered) else ""


def dereference(key: Node | None) -> str:
    """What stands after the value that is dereferenced."""
    if key is None:
        return ".*"
    if isinstance(key, nodes.Literal) and isinstance(key.value, str):
        name = key.value
        if PROPERTY.fullmatch(name) and name not in WORDS:
            return f".{name}"
    return f"[{write(key)}]"


def literal(value: Value, times: int, *, compared: bool) -> str:
    """A value: arrays and objects as fromJSON('…')."""
    if isinstance(value, str):
        return quoted(value if compared else escape(value, times - 1))
    if isinstance(value, (list, dict)):
        return f"fromJSON({quoted(escape(json_text.write(value, ''), times - 1))})"
    if value is None or isinstance(value, bool):
        return str(int(value or 0)) if compared else json_text.scalar(value)
    return numeral(value, compared=compared)


def numeral(value: float, *, compared: bool) -> str:
    """A number: act's whole numbers have 32 bits, and it shows large and small ones in another form."""
    if math.isnan(value) or (compared and math.isinf(value)):
        raise ExpressionError(f"{values.text(value)} beside what only the step itself knows is not supported")
    shown = values.text(value)
    alike = value == 0 or (SMALLEST <= abs(value) < LARGEST_WHOLE and len(shown) <= MAX_DIGITS)
    if alike or not compared:
        return shown if alike else quoted(shown)
    exact = values.number_text(values.double(value)).replace("e+", "e")
    return exact if "e" in exact or "." in exact else f"{exact}.0"


def quoted(text: str) -> str:
    """Text between single quotes."""
    return "'" + text.replace("'", "''") + "'"
