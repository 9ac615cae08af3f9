"""Text and YAML with `${{ }}` in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localhub.base.errors import ExpressionError
from localhub.expressions import evaluation, functions, nodes, parser, values
from localhub.expressions.evaluation import Scope
from localhub.expressions.values import Value

OPENING = "${{"


@dataclass(frozen=True)
class Part:
    """A `${{ }}` within text: the expression in it, and where it starts in the text."""

    source: str
    position: int


def split(text: str) -> list[str | Part]:
    """Text in its pieces: literal ones, none of them empty, and expressions.

    Raises:
        ExpressionError: If a `${{` is not closed, or holds nothing.
    """
    found: list[str | Part] = []
    at = 0
    while (opening := text.find(OPENING, at)) >= 0:
        if opening > at:
            found.append(text[at:opening])
        at = closing(text, opening + len(OPENING))
        source = text[opening + len(OPENING) : at - 2].strip(values.SPACES)
        if not source:
            raise ExpressionError("An expression was expected")
        found.append(Part(source, opening))
    if at < len(text):
        found.append(text[at:])
    return found


def closing(text: str, at: int) -> int:
    """Where the `}}` ends that closes an expression; within quotes it closes nothing."""
    quoted = False
    start = at
    for position in range(at, len(text)):
        if text[position] == "'":
            quoted = not quoted
        elif not quoted and position > start and text[position - 1 : position + 1] == "}}":
            return position + 1
    raise ExpressionError(
        "The expression is not closed. An unescaped ${{ sequence was found,"
        " but the closing }} sequence was not found."
    )


def interpolate(text: str, scope: Scope) -> str:
    """Text with every `${{ }}` replaced by its value as text.

    Raises:
        ExpressionError: As evaluate does, or if a `${{` is not closed.
    """
    pieces: list[str] = []
    length = 0
    for piece in split(text):
        given = piece if isinstance(piece, str) else evaluation.evaluate(piece.source, scope)
        pieces.append(values.text(given))
        length += len(pieces[-1])
        functions.check_length(length)
    return "".join(pieces)


def evaluate_text(text: str, scope: Scope) -> Value:
    """Text that is exactly one `${{ }}` as its value, other text as interpolate gives it.

    Raises:
        ExpressionError: As interpolate does.
    """
    match split(text):
        case [Part(source)]:
            return evaluation.evaluate(source, scope)
        case _:
            return interpolate(text, scope)


def evaluate_template(tree: Value, scope: Scope) -> Value:
    """A tree as YAML gives it, with the `${{ }}` in its texts and keys evaluated.

    Raises:
        ExpressionError: As interpolate does.
    """
    if isinstance(tree, str):
        return evaluate_text(tree, scope)
    if isinstance(tree, list):
        return [evaluate_template(element, scope) for element in tree]
    if isinstance(tree, Mapping):
        return {interpolate(key, scope): evaluate_template(value, scope) for key, value in tree.items()}
    return tree


def names_used(tree: Value, context: str) -> frozenset[str] | None:
    """The names that a tree's `${{ }}` use of a context, in lower case: of `${{ secrets.TOKEN }}` token.

    Returns:
        None where the context is used as a whole, or by a name that is only known later.

    Raises:
        ExpressionError: If an expression is none.
    """
    found: set[str] = set()
    waiting = [parser.parse(source) for source in sources(tree)]
    while waiting:
        node = waiting.pop()
        match node:
            case nodes.Index(nodes.Context(name), nodes.Literal(str() as key)) if name.lower() == context:
                found.add(key.lower())
            case nodes.Context(name) if name.lower() == context:
                return None
            case _:
                waiting += nodes.parts(node)
    return frozenset(found)


def sources(tree: Value) -> Iterator[str]:
    """The expressions in a tree's texts and keys."""
    if isinstance(tree, str):
        yield from (piece.source for piece in split(tree) if isinstance(piece, Part))
    elif isinstance(tree, list):
        for element in tree:
            yield from sources(element)
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from sources(key)
            yield from sources(value)


def condition(text: str) -> str:
    """An `if` as the expression that decides: without `${{ }}`, with success() where it asks no status.

    Text with several pieces is one `format` on GitHub, and so here: `${{ a }} == b` is never false.

    Raises:
        ExpressionError: If it is no expression.
    """
    source = joined(split(text)) if OPENING in text else text.strip(values.SPACES)
    if not source:
        return "success()"
    return source if evaluation.uses_status_function(source) else f"success() && ({source})"


def joined(pieces: list[str | Part]) -> str:
    """The pieces of a text as one expression."""
    if len(pieces) == 1 and isinstance(pieces[0], Part):
        return pieces[0].source
    form = ""
    arguments: list[str] = []
    for piece in pieces:
        if isinstance(piece, Part):
            form += f"{{{len(arguments)}}}"
            arguments.append(f", {piece.source}")
        else:
            form += piece.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"format('{form}'{''.join(arguments)})"
