"""Partial evaluation: what is known is replaced by its value, the rest is left to act.

act runs one job and knows nothing of `needs`, nor all of `github`; and it evaluates some things otherwise
than GitHub does (case(), NaN, `fromJSON(map).*.x`). Whatever can be evaluated before the job starts is
evaluated here, and what is left is written so that act 0.2.89 takes it for what it means.

What act still does otherwise with a value that only a step knows: `.*` of what is no array or object is
that value itself, an array has no element at a number that came out of JSON, `<` and its like sort the
signs between `Z` and `a` otherwise, fromJSON takes nothing but text, join of an object gives a word, and
toJSON writes `<`, `>` and `&` as escapes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from localhub.base.errors import ExpressionError
from localhub.expressions import evaluation, json_text, nodes, parser, templates, values, writing
from localhub.expressions.evaluation import Scope
from localhub.expressions.nodes import Node
from localhub.expressions.templates import OPENING
from localhub.expressions.values import Value


@dataclass(frozen=True)
class Known:
    """A part whose value is known."""

    value: Value


@dataclass(frozen=True)
class Failed:
    """A part that is known to fail."""

    error: ExpressionError


MAX_CASES = 50
"""Each predicate that is left nests an expression in an expression."""

Folded: TypeAlias = Known | Failed | Node

FAILING = nodes.Call("fromJSON", (nodes.Literal("{"),))
"""What stands for a part that fails beside one that is left: it fails in act too, if it is reached."""


def fold(text: str, scope: Scope, keep: frozenset[str], *, times: int = 1) -> str:
    """Text in whose `${{ }}` everything known is replaced by its value.

    A `${{ }}` that is known as a whole becomes text, which act will not evaluate again. Where a part of one
    is known, it becomes a literal there.

    Args:
        text: As it stands in the workflow.
        scope: The contexts and functions that are known.
        keep: What only act knows: contexts (`steps`), single properties of known ones
            (`github.workspace`), functions (`hashFiles`).
        times: How often act evaluates the text: see writing.escape.

    Raises:
        ExpressionError: If an expression is none, names what is neither known nor kept, is known as a whole
            and fails, or cannot be told to act (NaN beside something that is left).
    """
    folding = Folding(scope, keep)
    folded: list[str] = []
    known = ""
    for piece in templates.split(text):
        found = Known(piece) if isinstance(piece, str) else folding.whole(piece.source)
        if isinstance(found, Known):
            known += values.text(found.value)
        else:
            folded += [before(known, times), f"{OPENING} {writing.write(found, times)} }}}}"]
            known = ""
    return "".join([*folded, writing.escape(known, times)])


def before(text: str, times: int) -> str:
    """Known text that stands before what is left, which must not complete a `${{` for act's next time."""
    bare = text.rstrip("${") if times > 1 else text
    tail = text[len(bare) :]
    return writing.escape(bare, times) + (writing.wrapped(tail, times) if tail else "")


def fold_condition(source: str, scope: Scope, keep: frozenset[str]) -> str:
    """A condition, as `condition` gives it, for act's `if`: one `${{ }}` with everything known replaced.

    Raises:
        ExpressionError: As fold does.
    """
    found = Folding(scope, keep).whole(source)
    node = nodes.Literal(values.truthy(found.value)) if isinstance(found, Known) else found
    return f"{OPENING} {writing.write(node)} }}}}"


class Folding:
    """Folds expressions within one scope."""

    def __init__(self, scope: Scope, keep: frozenset[str]) -> None:
        self.scope = scope
        self.keep = frozenset(name.lower() for name in keep)
        left: dict[str, Value] = dict.fromkeys(name for name in keep if "." not in name)
        calls: dict[str, Callable[..., Value]] = dict.fromkeys(left, nothing)
        self.allowed = Scope({**left, **scope.contexts}, {**calls, **scope.functions})

    def whole(self, source: str) -> Known | Node:
        """An expression as far as it is known.

        Raises:
            ExpressionError: If it is none, names what is neither known nor kept, or fails.
        """
        node = parser.parse(source)
        evaluation.check(node, self.allowed)
        found = self.folded(node)
        if isinstance(found, Failed):
            raise found.error
        return found

    def folded(self, node: Node) -> Folded:
        """A node as far as it is known."""
        match node:
            case nodes.Literal(value):
                found: Folded = Known(value)
            case nodes.Context(name):
                left = name.lower() in self.keep
                found = node if left else Known(values.member(self.scope.contexts, name))
            case nodes.Logical():
                found = self.logical(node)
            case nodes.Comparison(operators, operands):
                found = self.compared(operators, [self.folded(operand) for operand in operands])
            case nodes.Index(nodes.Context(name), nodes.Literal(str() as key)) if self.kept(name, key):
                found = node
            case nodes.Call(name, arguments) if name.lower() == "case":
                found = self.chosen([self.folded(argument) for argument in arguments])
            case _:
                found = self.rebuilt(node, [self.folded(part) for part in nodes.parts(node)])
        return found

    def kept(self, context: str, key: str) -> bool:
        """Whether a single property is left to act."""
        return f"{context}.{key}".lower() in self.keep

    def logical(self, node: nodes.Logical) -> Folded:
        """`&&` or `||`: operands that decide nothing fall away, those after the one that decides too."""
        left: list[Node] = []
        for at, operand in enumerate(node.operands):
            found = self.folded(operand)
            if isinstance(found, Failed) and not left:
                return found
            decides = isinstance(found, Failed) or (
                isinstance(found, Known) and values.truthy(found.value) == (node.operator == "||")
            )
            if decides or at == len(node.operands) - 1:
                if not left:
                    return found
                left.append(as_node(found))
                break
            if not isinstance(found, Known):
                left.append(as_node(found))
        return left[0] if len(left) == 1 else nodes.Logical(node.operator, tuple(left))

    def compared(self, operators: tuple[str, ...], operands: list[Folded]) -> Folded:
        """Comparisons from left to right; NaN compares with nothing, whatever the other side is."""
        if failed := first_failed(operands):
            return failed
        found = operands[0]
        left: list[tuple[str, Node]] = []
        for operator, operand in zip(operators, operands[1:], strict=True):
            if is_nan(operand) or (is_nan(found) and not left):
                found, left = Known(operator == "!="), []
            elif isinstance(found, Known) and isinstance(operand, Known) and not left:
                found = Known(evaluation.compared(operator, found.value, operand.value))
            else:
                left.append((operator, as_node(operand)))
        if not left:
            return found
        signs, rest = zip(*left, strict=True)
        return nodes.Comparison(signs, (as_node(found), *rest))

    def chosen(self, arguments: list[Folded]) -> Folded:
        """`case`, which act does not have: `either` for each predicate that is not known."""
        if failed := first_failed(arguments):
            return failed
        found, nested = arguments[-1], 0
        for predicate, value in reversed(list(zip(arguments[:-1:2], arguments[1::2], strict=True))):
            if not isinstance(predicate, Known):
                found, nested = either(predicate, value, found), nested + 1
            elif not isinstance(predicate.value, bool):
                found = Failed(ExpressionError("case predicate must evaluate to a boolean value"))
            elif predicate.value:
                found, nested = value, 0
        if nested > MAX_CASES:
            return Failed(ExpressionError(f"case has more than {MAX_CASES} predicates that only steps know"))
        return found

    def rebuilt(self, node: Node, parts: list[Folded]) -> Folded:
        """A node with its parts folded; its value where all of them are known."""
        if failed := first_failed(parts):
            return failed
        if isinstance(node, nodes.Call) and node.name.lower() in self.keep:
            return nodes.Call(node.name, tuple(map(as_node, parts)))
        if all(isinstance(part, Known) for part in parts):
            try:
                return Known(
                    evaluation.value_of(nodes.with_parts(node, tuple(map(as_node, parts))), self.scope)
                )
            except ExpressionError as error:
                return Failed(error)
        return without_meaning(node, parts) or nodes.with_parts(node, tuple(map(as_node, parts)))


def nothing() -> Value:
    """Stands for a function that is left to act."""
    return None


def as_node(part: Folded) -> Node:
    """A part as it stands in what is left."""
    if isinstance(part, Known):
        return nodes.Literal(part.value)
    return FAILING if isinstance(part, Failed) else part


def first_failed(parts: list[Folded]) -> Failed | None:
    """The first part that fails: whatever else there is, the whole fails then."""
    return next((part for part in parts if isinstance(part, Failed)), None)


def without_meaning(node: Node, parts: list[Folded]) -> Known | None:
    """The value that does not depend on what is left: text, numbers and null have no properties."""
    of = parts[0] if parts else None
    if isinstance(node, nodes.Index) and isinstance(of, Known) and not isinstance(of.value, (list, dict)):
        return Known(None)
    return None


def is_nan(part: Folded) -> bool:
    """Whether a part is known to be no number."""
    return isinstance(part, Known) and isinstance(part.value, float) and math.isnan(part.value)


def either(predicate: Folded, value: Folded, other: Folded) -> Node:
    """*value* where *predicate* holds, else *other*: `&&` and `||` would lose a value that is falsy."""
    both = tuple(as_json(each) for each in (value, other))
    array = nodes.Call("fromJSON", (nodes.Call("format", (nodes.Literal("[{0},{1}]"), *both)),))
    wrong = nodes.Not(nodes.Group(as_node(predicate)))
    return nodes.Index(
        array, nodes.Logical("||", (nodes.Logical("&&", (wrong, nodes.Literal(1))), nodes.Literal(0)))
    )


def as_json(part: Folded) -> Node:
    """A part's JSON: known already, or made by act."""
    if isinstance(part, Known) and not is_nan(part):
        return nodes.Literal(json_text.write(part.value, ""))
    return nodes.Call("toJSON", (as_node(part),))
