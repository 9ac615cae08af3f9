"""YAML with positions: every value knows the line and column it was written at."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml

from carelane.base.errors import InputError

MOST_VALUES = 20_000
DEEPEST = 30
_SURROGATE = re.compile("[\ud800-\udfff]")
Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Position:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """What a file says, and where it says it."""

    name: str
    data: Any
    positions: dict[Path, Position]
    written: dict[Path, str]
    """What stands in the file for each plain value, which YAML may read as something else."""

    def where(self, path: Path) -> str:
        """``file:line:column`` of *path*, or of the nearest thing above it."""
        position = self.position(path)
        return f"{self.name}:{position.line}:{position.column}"

    def position(self, path: Path) -> Position:
        """Where *path* is said, or the nearest thing above it."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position(1, 1))


class _Reader(yaml.SafeLoader):
    """The safe loader, but a duplicate key is an error rather than a silent loss."""


def read(text: str, name: str) -> Document:
    """The document in *text*.

    Raises:
        InputError: If it is not YAML, is not a mapping, or says a key twice.
    """
    positions: dict[Path, Position] = {}
    written: dict[Path, str] = {}
    try:
        loader = _Reader(text)
        node = loader.get_single_node()
        if node is None:
            raise InputError(f"{name}:1:1: the file is empty", hint="the README shows one to begin with")
        _walk(node, (), positions, written, name)
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InputError(f"{where}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: not YAML: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"{name}:1:1: a mapping is expected, with `system:` and `services:`")
    return Document(name, data, positions, written)


def _walk(
    node: yaml.Node, path: Path, positions: dict[Path, Position], written: dict[Path, str], name: str
) -> None:
    if len(positions) > MOST_VALUES or len(path) > DEEPEST:
        raise InputError(f"{name}: more values than a configuration has", hint="do without aliases")
    positions.setdefault(path, _position(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{_where(key, name)}: a key must be a word")
            _refuse_half_characters(key, name)
            if key.value in seen:
                raise InputError(f"{_where(key, name)}: {key.value} is said twice")
            seen.add(key.value)
            # A key's own position is where a person looks for what is wrong with it.
            positions[(*path, key.value)] = _position(key)
            _walk(value, (*path, key.value), positions, written, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), positions, written, name)
    elif isinstance(node, yaml.ScalarNode):
        _refuse_half_characters(node, name)
        written[path] = node.value


def _refuse_half_characters(node: yaml.ScalarNode, name: str) -> None:
    if _SURROGATE.search(node.value):
        raise InputError(f"{_where(node, name)}: half a character (\\ud800 to \\udfff) is no text")


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _where(node: yaml.Node, name: str) -> str:
    position = _position(node)
    return f"{name}:{position.line}:{position.column}"
