"""What an expression is made of, once read."""

from dataclasses import dataclass
from typing import TypeAlias

from localhub.expressions import values


@dataclass(frozen=True)
class Literal:
    """A number, a text, true, false or null; where expressions are folded, any value."""

    value: values.Value


@dataclass(frozen=True)
class Context:
    """A named value, such as github or needs."""

    name: str


@dataclass(frozen=True)
class Index:
    """A dereference: `of.key`, `of[key]`, or, without a key, `of.*`."""

    of: "Node"
    key: "Node | None"


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    """`!operand`."""

    operand: "Node"


@dataclass(frozen=True)
class Comparison:
    """`a == b != c` and its like, from left to right: one operator less than operands."""

    operators: tuple[str, ...]
    operands: tuple["Node", ...]


@dataclass(frozen=True)
class Logical:
    """`a && b && c` or `a || b || c`: gives the operand that decided."""

    operator: str
    operands: tuple["Node", ...]


@dataclass(frozen=True)
class Group:
    """`(inner)`: only a group, a call or a context can be dereferenced."""

    inner: "Node"


Node: TypeAlias = Literal | Context | Index | Call | Not | Comparison | Logical | Group


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes directly beneath one."""
    match node:
        case Literal() | Context():
            beneath: tuple[Node, ...] = ()
        case Index(of, key):
            beneath = (of,) if key is None else (of, key)
        case Call(_, arguments):
            beneath = arguments
        case Comparison(_, operands) | Logical(_, operands):
            beneath = operands
        case Not(inner) | Group(inner):
            beneath = (inner,)
    return beneath


def with_parts(node: Node, parts: tuple[Node, ...]) -> Node:
    """The same node over other parts, as many as `parts` gives."""
    match node:
        case Literal() | Context():
            found: Node = node
        case Index():
            found = Index(parts[0], parts[1] if len(parts) > 1 else None)
        case Call(name):
            found = Call(name, parts)
        case Comparison(operators):
            found = Comparison(operators, parts)
        case Logical(operator):
            found = Logical(operator, parts)
        case Not():
            found = Not(*parts)
        case Group():
            found = Group(*parts)
    return found
