"""YAML as GitHub reads it: its 1.2 core schema (`on`, `yes` and `off` are text), and nothing executable.

Aliases are followed, as GitHub does since 2025; merge keys are not. What an alias stands for is counted
each time, so that a few lines cannot stand for a billion.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import yaml

from localhub.expressions import values
from localhub.expressions.values import Value
from localhub.workflows.problems import Problem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_NODES = 50_000

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Located:
    """What every node has: where it stands, and what it comes to with its aliases followed."""

    what: ClassVar[str] = "node"
    line: int
    column: int
    size: int = field(default=1, kw_only=True)
    height: int = field(default=1, kw_only=True)

    def holds(self, inner: "Located") -> None:
        """Adds what an inner node comes to."""
        self.size += inner.size
        self.height = max(self.height, inner.height + 1)


@dataclass
class Scalar(Located):
    """A value without parts; a *block* starts on the line below its own, line by line as it is written."""

    what: ClassVar[str] = "scalar value"
    value: values.Primitive
    block: bool = False


@dataclass
class Sequence(Located):
    """A list."""

    what: ClassVar[str] = "sequence"
    items: list["Node"] = field(default_factory=list)


@dataclass
class Mapping(Located):
    """Keys and what they lead to, in the file's order; the keys are different, whatever their case."""

    what: ClassVar[str] = "mapping"
    pairs: list[tuple[Scalar, "Node"]] = field(default_factory=list)


Node: TypeAlias = Scalar | Sequence | Mapping


class DocumentError(Exception):
    """The text is no document that would be read; says the one problem it has."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read(text: str) -> Node:
    """A YAML document as nodes.

    Raises:
        DocumentError: If it is no YAML, or too large, too deep, or too often repeated by its aliases.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise DocumentError(Problem(1, 1, f"The file is larger than {MAX_BYTES} bytes"))
    try:
        return Composer(yaml.parse(text, Loader=LOADER)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentError(Problem(line, column, f"This is no YAML: {error.problem}")) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise DocumentError(Problem(1, 1, f"This is no YAML: {error}")) from error


class Composer:
    """Builds nodes from YAML's events, without recursion over what the file decides."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.events = events
        self.open: list[tuple[Sequence | Mapping, str | None]] = []
        self.keys: list[Scalar | None] = []
        self.seen: list[set[str]] = []
        self.anchors: dict[str, Node | None] = {}
        self.root: Node | None = None

    def document(self) -> Node:
        """The one document there is."""
        for event in self.events:
            match event:
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self.start(event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    node, anchor = self.open.pop()
                    self.keys.pop()
                    self.seen.pop()
                    self.place(node, anchor)
                case yaml.ScalarEvent():
                    self.place(scalar(event), event.anchor)
                case yaml.AliasEvent():
                    self.place(self.aliased(event), None)
                case yaml.DocumentStartEvent() if self.root is not None:
                    raise refusal(event, "More than one document was found in the file")
                case _:
                    pass
        return self.root or Scalar(1, 1, None)

    def start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        """Opens a mapping or a sequence."""
        if event.tag is not None:
            raise refusal(event, f"The tag {event.tag} is not supported")
        if len(self.open) >= MAX_DEPTH:
            raise refusal(event, f"Nested deeper than {MAX_DEPTH} levels")
        if self.expects_key():
            raise refusal(event, "A key must be a scalar value")
        kind = Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence
        self.open.append((kind(*position(event)), event.anchor))
        self.keys.append(None)
        self.seen.append(set())
        if event.anchor is not None:
            self.anchors[event.anchor] = None

    def expects_key(self) -> bool:
        """Whether the next node is a key."""
        return bool(self.open) and isinstance(self.open[-1][0], Mapping) and self.keys[-1] is None

    def aliased(self, event: yaml.AliasEvent) -> Node:
        """What an alias stands for."""
        if event.anchor not in self.anchors:
            raise refusal(event, f"The alias *{event.anchor} has no anchor before it")
        node = self.anchors[event.anchor]
        if node is None:
            raise refusal(event, f"The alias *{event.anchor} stands for itself")
        return node

    def place(self, node: Node, anchor: str | None) -> None:
        """Puts a finished node where it belongs."""
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        holder, _ = self.open[-1]
        if isinstance(holder, Sequence):
            holder.items.append(node)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = self.new_key(node)
        else:
            holder.pairs.append((key, node))
            self.keys[-1] = None
        holder.holds(node)
        if holder.size > MAX_NODES:
            raise DocumentError(
                Problem(node.line, node.column, f"More than {MAX_NODES} values, aliases followed")
            )
        if len(self.open) + node.height > MAX_DEPTH:
            raise DocumentError(Problem(node.line, node.column, f"Nested deeper than {MAX_DEPTH} levels"))

    def new_key(self, node: Node) -> Scalar:
        """A node as a key of the innermost mapping, which has none like it yet."""
        if not isinstance(node, Scalar):
            raise DocumentError(Problem(node.line, node.column, "A key must be a scalar value"))
        name = values.text(node.value)
        if name.upper() in self.seen[-1]:
            raise DocumentError(Problem(node.line, node.column, f"'{name}' is already defined"))
        self.seen[-1].add(name.upper())
        return node


def refusal(event: yaml.Event, message: str) -> DocumentError:
    """What to say about an event."""
    return DocumentError(Problem(*position(event), message))


def position(event: yaml.Event) -> tuple[int, int]:
    """Line and column, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def scalar(event: yaml.ScalarEvent) -> Scalar:
    """A scalar with its value: text where it is quoted, a block, or tagged as text."""
    if event.tag is not None and event.tag not in TEXT_TAGS:
        raise refusal(event, f"The tag {event.tag} is not supported")
    plain = event.tag is None and event.implicit[0]
    return Scalar(*position(event), resolved(event.value) if plain else event.value, event.style == "|")


def resolved(written: str) -> values.Primitive:
    """A plain scalar's value by YAML 1.2's core schema."""
    if written in NULLS:
        return None
    if written in BOOLEANS:
        return BOOLEANS[written]
    if SPECIAL.fullmatch(written):
        infinite = -math.inf if written.startswith("-") else math.inf
        return math.nan if written.lower() == ".nan" else infinite
    if WHOLE.fullmatch(written) or DECIMAL.fullmatch(written):
        return values.shortest(values.parsed(written))
    return written


def plain(node: Node) -> Value:
    """A node as values."""
    if isinstance(node, Mapping):
        return {values.text(key.value): plain(value) for key, value in node.pairs}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value
