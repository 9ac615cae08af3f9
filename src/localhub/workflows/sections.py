"""Taking a document apart: what is there, of the kind that belongs there, with its problems noted."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from localhub.base.errors import ExpressionError
from localhub.expressions import Scope, text
from localhub.expressions.templates import OPENING
from localhub.workflows import allowances
from localhub.workflows.documents import Located, Mapping, Node, Scalar, Sequence
from localhub.workflows.problems import Problem

Found = TypeVar("Found")


class Notes:
    """The problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, node: Located, message: str) -> None:
        """Notes a problem where *node* stands."""
        self.problems.append(Problem(node.line, node.column, message))

    def unexpected(self, node: Node) -> None:
        """Notes a node that is of a kind that does not belong there."""
        self.add(
            node, f"Unexpected value '{shown(node)}'" if isinstance(node, Scalar) else not_expected(node)
        )

    def checked(self, node: Scalar, check: Callable[[], Found]) -> Found | None:
        """What *check* gives; None with a note if it refuses an expression."""
        try:
            return check()
        except ExpressionError as error:
            self.add(node, error.message)
            return None


def not_expected(node: Node) -> str:
    """GitHub's words for a mapping or sequence in the wrong place."""
    return f"A {node.what} was not expected"


def shown(node: Scalar) -> str:
    """A scalar as text."""
    return text(node.value)


def is_expression(node: Node) -> bool:
    """Whether a node is a text with `${{ }}`."""
    return isinstance(node, Scalar) and isinstance(node.value, str) and OPENING in node.value


class Section:
    """A mapping whose keys are known: what it holds is asked for by key.

    Every method gives None, or nothing, where the key is missing, and where its value is wrong, which is
    noted.
    """

    def __init__(self, notes: Notes, node: Node, known: str, refused: dict[str, str] | None = None) -> None:
        self.notes = notes
        self.node = node
        self.held: dict[str, Node] = {}
        reasons = refused or {}
        names = known.split()
        for key, value in pairs(notes, node):
            name = shown(key)
            if name in reasons:
                notes.add(key, reasons[name])
            elif name not in names:
                notes.add(key, f"Unexpected value '{name}'; known here: {', '.join(names)}")
            else:
                self.held[name] = value

    def __contains__(self, key: str) -> bool:
        return key in self.held

    def get(self, key: str) -> Node | None:
        """What a key leads to; null is nothing, and only a text may be nothing."""
        node = self.held.get(key)
        if isinstance(node, Scalar) and node.value is None:
            self.notes.unexpected(node)
            return None
        return node

    def line(self, key: str) -> int:
        """The line of what a key leads to, or of the whole section."""
        return self.held.get(key, self.node).line

    def require(self, key: str) -> None:
        """Notes where a key is missing."""
        if key not in self.held:
            self.notes.add(self.node, f"Required property is missing: {key}")

    def text(self, key: str, allowed: Scope = allowances.NOTHING) -> str | None:
        """A text; numbers and truth values are taken for what they look like, null for nothing."""
        node = self.held.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        return as_text(self.notes, node, allowed)

    def filled(self, key: str, allowed: Scope = allowances.NOTHING) -> str | None:
        """A text that is not empty."""
        node = self.held.get(key)
        if node is not None and isinstance(node, Scalar) and shown(node) == "":
            self.notes.unexpected(node)
            return None
        return self.text(key, allowed)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts that are not empty, of which a single one may stand alone."""
        node = self.get(key)
        return None if node is None else tuple(as_texts(self.notes, node, allowances.NOTHING))

    def flag(self, key: str, allowed: Scope = allowances.NOTHING) -> bool | str | None:
        """true, false, or an expression."""
        node = self.get(key)
        if node is None or is_expression(node):
            return self.text(key, allowed)
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.notes.unexpected(node)
        return None

    def boolean(self, key: str) -> bool:
        """True or false; false where it is missing."""
        return self.flag(key) is True

    def number(self, key: str, allowed: Scope = allowances.NOTHING) -> float | str | None:
        """A number, or an expression."""
        node = self.get(key)
        if node is None or is_expression(node):
            return self.text(key, allowed)
        if isinstance(node, Scalar) and isinstance(node.value, (int, float)) and node.value is not True:
            return None if node.value is False else node.value
        self.notes.unexpected(node)
        return None

    def mapping(self, key: str, allowed: Scope = allowances.NOTHING) -> dict[str, str]:
        """Names with texts."""
        node = self.get(key)
        if node is None:
            return {}
        if is_expression(node):
            self.notes.add(node, f"'{key}' as one expression is not supported by localhub: write its names")
            return {}
        return {
            shown(name): as_text(self.notes, value, allowed) or "" for name, value in pairs(self.notes, node)
        }


def pairs(notes: Notes, node: Node) -> Iterator[tuple[Scalar, Node]]:
    """The keys and values of a mapping; nothing with a note of anything else."""
    if not isinstance(node, Mapping):
        notes.unexpected(node)
        return
    for key, value in node.pairs:
        if is_expression(key):
            notes.add(key, "An expression as a key is not supported by localhub")
        elif shown(key) == "":
            notes.unexpected(key)
        else:
            yield key, value


def as_text(notes: Notes, node: Node, allowed: Scope) -> str | None:
    """A scalar as text, its expressions checked."""
    if not isinstance(node, Scalar):
        notes.unexpected(node)
        return None
    found = shown(node)
    for position, message in allowances.check(found, allowed):
        below = found.count("\n", 0, position) + 1 if node.block else 0
        notes.problems.append(Problem(node.line + below, 1 if below else node.column, message))
    return found


def as_texts(notes: Notes, node: Node, allowed: Scope) -> Iterator[str]:
    """A list of texts that are not empty, or a single one that stands alone."""
    for item in node.items if isinstance(node, Sequence) else [node]:
        found = as_text(notes, item, allowed)
        if found:
            yield found
        elif found is not None:
            notes.unexpected(item)


def check_tree(notes: Notes, node: Node, allowed: Scope) -> None:
    """Checks the expressions in all texts beneath a node."""
    if isinstance(node, Scalar):
        if isinstance(node.value, str):
            as_text(notes, node, allowed)
    elif isinstance(node, Sequence):
        for item in node.items:
            check_tree(notes, item, allowed)
    else:
        for key, value in node.pairs:
            check_tree(notes, key, allowed)
            check_tree(notes, value, allowed)
