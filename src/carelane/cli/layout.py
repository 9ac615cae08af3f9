"""How text fits a terminal: nothing is broken within a word."""

import textwrap
from collections.abc import Iterator, Sequence

import click

GAP = 2
INDENT = "  "
NARROWEST = 20


def wrapped(text: str, width: int) -> str:
    """*text* with no line longer than *width*, but for words that are; what goes on is indented once more."""
    lines: list[str] = []
    for line in text.split("\n"):
        if len(click.unstyle(line)) <= width:
            lines.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line,
            max(width, NARROWEST),
            subsequent_indent=indent + INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def table_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None
) -> Iterator[tuple[list[str], list[int]]]:
    """The lines of a table: the cells of each, and how wide each column is; the first are the headings.

    Where *width* is too little for all of it, columns with nothing in them go, then long cells are wrapped
    at words, and what still does not fit stands below its row, a line each, behind its heading. Such a line
    has one cell.
    """
    if width is None or _wide(_natural(headings, rows)) <= width:
        widths = _natural(headings, rows)
        yield from (([*row], widths) for row in (headings, *rows))
        return
    shown = [i for i, _ in enumerate(headings) if i == 0 or any(row[i] not in {"", "-"} for row in rows)]
    beside, widths = _fitting(headings, rows, shown, width)
    below = [i for i in shown if i not in beside]
    for row in (headings, *rows):
        for cells in _cells([row[i] for i in beside], widths):
            yield cells, widths
        if row is headings:
            continue
        for i in below:
            if row[i] not in {"", "-"}:
                said = wrapped(f"{INDENT}{headings[i]} {row[i]}", width)
                yield from (([line], [len(line)]) for line in said.split("\n"))


def _natural(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[i]) for row in (headings, *rows)) for i in range(len(headings))]


def _wide(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _fitting(
    headings: Sequence[str], rows: Sequence[Sequence[str]], shown: list[int], width: int
) -> tuple[list[int], list[int]]:
    """The columns that stand beside each other, and how wide each is."""
    natural, least = _natural(headings, rows), _longest_words(headings, rows)
    beside = list(shown)
    while len(beside) > 1 and _wide([least[i] for i in beside]) > width:
        beside.pop()
    widths = {i: natural[i] for i in beside}
    while _wide(list(widths.values())) > width:
        shrinkable = [i for i in beside if widths[i] > least[i]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
    return beside, [widths[i] for i in beside]


def _longest_words(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(len(word) for row in (headings, *rows) for word in (row[i].split() or [""]))
        for i in range(len(headings))
    ]


def _cells(row: Sequence[str], widths: Sequence[int]) -> Iterator[list[str]]:
    """A row as so many lines as its longest cell needs."""
    parts = [
        textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]
        for cell, width in zip(row, widths, strict=True)
    ]
    for line in range(max(len(part) for part in parts)):
        yield [part[line] if line < len(part) else "" for part in parts]
