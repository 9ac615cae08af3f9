"""Tokens to a tree, by recursive descent; one function a precedence, lowest first."""

from collections.abc import Callable

from localhub.base.errors import ExpressionError
from localhub.expressions import lexer, nodes
from localhub.expressions.nodes import Node

MAX_DEPTH = 50


def parse(source: str) -> Node:
    """An expression as a tree; *source* stands without `${{ }}`.

    Raises:
        ExpressionError: Where it is no expression, in GitHub's words.
    """
    if not source.strip():
        raise ExpressionError("An expression was expected")
    return Parser(source).whole()


class Parser:
    """Reads one expression; knows how deep it stands, so that no input exhausts the stack."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = lexer.tokens(source)
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        """The expression, and nothing after it."""
        node = self.expression()
        if self.kind != "end":
            raise self.unexpected()
        return node

    @property
    def kind(self) -> str:
        """The kind of the token that comes next."""
        return self.tokens[self.at].kind

    def next(self) -> lexer.Token:
        """The token that comes next, which is then read."""
        token = self.tokens[self.at]
        self.at += 1
        return token

    def take(self, *kinds: str) -> lexer.Token | None:
        """The token that comes next if it is of one of *kinds*."""
        return self.next() if self.kind in kinds else None

    def expect(self, kind: str) -> None:
        """Reads a token of *kind*."""
        if self.take(kind) is None:
            raise self.unexpected()

    def unexpected(self) -> ExpressionError:
        """What to say about the token that comes next."""
        token = self.tokens[self.at]
        if token.kind == "end":
            written = self.tokens[self.at - 1].written
            return ExpressionError(
                f"Unexpected end of expression: '{written}'. Located at position {token.position + 1}"
                f" within expression: {self.source}"
            )
        return lexer.unexpected(token.written, token.position, self.source)

    def deeper(self, levels: int = 1) -> None:
        """Goes down; every way out comes up again by the same number."""
        self.depth += levels
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"Exceeded max expression depth {MAX_DEPTH}")

    def expression(self) -> Node:
        """Any expression."""
        self.deeper()
        node = self.logical("||", lambda: self.logical("&&", self.equality))
        self.depth -= 1
        return node

    def logical(self, operator: str, operand: Callable[[], Node]) -> Node:
        """Operands joined by one of the logical operators."""
        first = operand()
        if self.kind != operator:
            return first
        self.deeper()
        operands = [first]
        while self.take(operator):
            operands.append(operand())
        self.depth -= 1
        return nodes.Logical(operator, tuple(operands))

    def equality(self) -> Node:
        """`==` and `!=`."""
        return self.compared(("==", "!="), self.order)

    def order(self) -> Node:
        """`<`, `<=`, `>` and `>=`."""
        return self.compared(("<", "<=", ">", ">="), self.negation)

    def compared(self, kinds: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        """Operands compared from left to right: one node, however many they are."""
        operands = [operand()]
        operators: list[str] = []
        while operator := self.take(*kinds):
            operators.append(operator.kind)
            operands.append(operand())
        return nodes.Comparison(tuple(operators), tuple(operands)) if operators else operands[0]

    def negation(self) -> Node:
        """`!`, any number of them."""
        if self.take("!") is None:
            return self.dereference()
        self.deeper()
        node = nodes.Not(self.negation())
        self.depth -= 1
        return node

    def dereference(self) -> Node:
        """A value and its dereferences: `.name`, `[key]`, `.*`."""
        node = self.operand()
        if not isinstance(node, nodes.Group | nodes.Call | nodes.Context):
            return node
        levels = 0
        while opening := self.take("[", "."):
            node = nodes.Index(node, self.bracketed() if opening.kind == "[" else self.property())
            self.deeper()
            levels += 1
        self.depth -= levels
        return node

    def bracketed(self) -> Node | None:
        """What stands between brackets; None is the star."""
        key = None if self.take("*") else self.expression()
        self.expect("]")
        return key

    def property(self) -> Node | None:
        """What stands after a dot; None is the star."""
        if self.take("*"):
            return None
        if name := self.take("name"):
            return nodes.Literal(name.written)
        raise self.unexpected()

    def operand(self) -> Node:
        """A literal, a group, a call or a context."""
        if token := self.take("literal"):
            return nodes.Literal(token.value)
        if self.take("("):
            inner = self.expression()
            self.expect(")")
            return nodes.Group(inner)
        if token := self.take("name"):
            return self.call(token.written) if self.take("(") else nodes.Context(token.written)
        raise self.unexpected()

    def call(self, name: str) -> Node:
        """A function's arguments; a comma after the last one does no harm, as on GitHub."""
        arguments: list[Node] = []
        while self.take(")") is None:
            arguments.append(self.expression())
            if self.kind != ")":
                self.expect(",")
        return nodes.Call(name, tuple(arguments))
