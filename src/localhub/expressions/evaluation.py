"""An expression's value, within the contexts and functions it may use."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from localhub.base.errors import ExpressionError
from localhub.expressions import functions, nodes, parser, values
from localhub.expressions.nodes import Node
from localhub.expressions.values import Filtered, Value


@dataclass(frozen=True)
class Scope:
    """What an expression may use: contexts by name, and functions beside the built-in ones.

    Names are found whatever their case. What is not here is refused, even where it would not be
    reached. A function takes its arguments' values; what it raises goes through to the caller.
    """

    contexts: Mapping[str, Value] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Value]] = field(default_factory=dict)


def function(name: str, scope: Scope) -> tuple[Callable[..., Value], functions.Arity]:
    """A function by its name, whatever its case; the scope's own before the built-in.

    Raises:
        ExpressionError: If there is no such function.
    """
    wanted = name.lower()
    for given, call in scope.functions.items():
        if given.lower() == wanted:
            return call, functions.GIVEN.get(wanted, functions.Arity(0))
    if wanted not in functions.BUILT_IN:
        raise ExpressionError(f"Unrecognized function: '{name}'")
    return functions.BUILT_IN[wanted]


def evaluate(source: str, scope: Scope) -> Value:
    """The value of an expression; *source* stands without `${{ }}`.

    Raises:
        ExpressionError: If it is no expression, uses what the scope does not have, or fails.
    """
    node = parser.parse(source)
    check(node, scope)
    return value_of(node, scope)


def every(node: Node) -> Iterator[Node]:
    """A node and all beneath it."""
    yield node
    for part in nodes.parts(node):
        yield from every(part)


def check(node: Node, scope: Scope) -> None:
    """Refuses what the scope does not have, and functions called with too few or too many arguments."""
    for part in every(node):
        if isinstance(part, nodes.Context) and not values.has(scope.contexts, part.name):
            raise ExpressionError(f"Unrecognized named-value: '{part.name}'")
        if isinstance(part, nodes.Call):
            _, arity = function(part.name, scope)
            arity.check(part.name, len(part.arguments))


def value_of(node: Node, scope: Scope) -> Value:
    """The value of a tree that was checked."""
    match node:
        case nodes.Literal(value):
            found: Value = value
        case nodes.Group(inner):
            found = value_of(inner, scope)
        case nodes.Context(name):
            found = values.member(scope.contexts, name)
        case nodes.Not(operand):
            found = not values.truthy(value_of(operand, scope))
        case nodes.Comparison(operators, operands):
            found = in_turn(operators, operands, scope)
        case nodes.Logical(operator, operands):
            found = decided(operator, operands, scope)
        case nodes.Call(name, arguments):
            call, _ = function(name, scope)
            found = call(*(value_of(argument, scope) for argument in arguments))
        case nodes.Index(of, key) if key is not None:
            found = dereferenced(value_of(of, scope), value_of(key, scope))
        case nodes.Index(of):
            found = filtered(value_of(of, scope))
    return found


def in_turn(operators: tuple[str, ...], operands: tuple[Node, ...], scope: Scope) -> Value:
    """What comparisons from left to right give: `3 > 2 > 1` asks whether true is more than 1."""
    found = value_of(operands[0], scope)
    for operator, operand in zip(operators, operands[1:], strict=True):
        found = compared(operator, found, value_of(operand, scope))
    return found


def compared(operator: str, left: Value, right: Value) -> bool:
    """What a comparison gives."""
    match operator:
        case "==":
            return values.equal(left, right)
        case "!=":
            return not values.equal(left, right)
        case "<":
            return values.less(left, right)
        case ">":
            return values.less(right, left)
        case "<=":
            return values.equal(left, right) or values.less(left, right)
        case _:
            return values.equal(left, right) or values.less(right, left)


def decided(operator: str, operands: tuple[Node, ...], scope: Scope) -> Value:
    """The operand that decides: the first falsy one of `&&`, the first truthy one of `||`, else the last."""
    value: Value = None
    for operand in operands:
        value = value_of(operand, scope)
        if values.truthy(value) == (operator == "||"):
            break
    return value


def filtered(held: Value) -> Filtered:
    """`.*`: an array's elements, an object's values; of what `.*` gave before, those one level further in."""
    if isinstance(held, Filtered):
        return Filtered(inner for element in held for inner in filtered_elements(element))
    return Filtered(filtered_elements(held))


def filtered_elements(held: Value) -> list[Value]:
    """The elements or values of an array or object, none of anything else."""
    if isinstance(held, dict):
        return list(held.values())
    return list(held) if isinstance(held, list) else []


def dereferenced(held: Value, key: Value) -> Value:
    """`held[key]`: null where there is no such thing; after `.*`, that of every element that has it."""
    if isinstance(held, Filtered):
        found: list[Value] = []
        for element in held:
            if isinstance(element, dict) and has_key(element, key):
                found.append(values.member(element, values.text(key)))
            elif isinstance(element, list) and (at := position(key, len(element))) is not None:
                found.append(element[at])
        return Filtered(found)
    if isinstance(held, dict):
        return values.member(held, values.text(key)) if has_key(held, key) else None
    if isinstance(held, list) and (at := position(key, len(held))) is not None:
        return held[at]
    return None


def has_key(held: dict[str, Value], key: Value) -> bool:
    """Whether an object has such a property."""
    return not isinstance(key, (list, dict)) and values.has(held, values.text(key))


def position(key: Value, length: int) -> int | None:
    """Where in an array of *length* a key points, None for outside."""
    wanted = values.number(key)
    return int(wanted) if 0 <= wanted < length else None


def contexts_used(source: str) -> set[str]:
    """The contexts that an expression names, in lower case.

    Raises:
        ExpressionError: If it is no expression.
    """
    return {part.name.lower() for part in every(parser.parse(source)) if isinstance(part, nodes.Context)}


def uses_status_function(source: str) -> bool:
    """Whether an expression asks success(), failure(), cancelled() or always().

    Raises:
        ExpressionError: If it is no expression.
    """
    return any(
        isinstance(part, nodes.Call) and part.name.lower() in functions.STATUS
        for part in every(parser.parse(source))
    )
