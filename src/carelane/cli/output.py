"""How things are shown: aligned columns for people, JSON for programs."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TextIO, TypeVar

import click
from click.core import ParameterSource

# What lays text out is imported by who does: an emergency rollback waits for no module that it does not need.

F = TypeVar("F", bound=Callable[..., Any])
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
COLOURS = {
    "Succeeded": "green",
    "Healthy": "green",
    "ok": "green",
    "Failed": "red",
    "Degraded": "red",
    "failing": "red",
    "Aborting": "yellow",
    "Paused": "yellow",
    "unknown": "yellow",
}


def output_option(command: F, usual: str = "table") -> F:
    """The option --output, the same everywhere; said before the command it counts as well."""
    option = click.option(
        "-o",
        "--output",
        type=click.Choice([usual, "json"]),
        default=usual,
        callback=_output,
        help="How to show it.",
    )
    return option(command)


def _output(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """What was said behind the command, else what was said before it."""
    before: str | None = context.find_root().params.get("output")
    said = context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
    return value if said or before != "json" else before


def plain() -> bool:
    """Whether no colours and drawings are wanted (https://no-color.org), or the terminal can have none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def show_json(document: Any) -> None:  # noqa: ANN401 - JSON is of any shape
    """Print *document* as JSON."""
    import json

    click.echo(json.dumps(document, indent=2))


def harmless(text: str) -> str:
    """*text* with what would move, colour or reverse a terminal written out: others may have written it."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str, *, err: bool = False, head: str = "") -> None:
    """Print *text* for people, behind our own *head*: on a terminal no line is broken within a word."""
    text = f"{head}{harmless(text)}"
    width = _terminal_width(sys.stderr if err else sys.stdout)
    if width is not None:
        from carelane.cli.layout import wrapped

        text = wrapped(text, width)
    click.echo(text, err=err)


def _terminal_width(stream: TextIO) -> int | None:
    """How wide the terminal behind *stream* is; None where there is none."""
    import shutil

    return shutil.get_terminal_size().columns if stream.isatty() else None


def table(headings: list[str], rows: list[list[str]]) -> None:
    """Print *rows* in columns: as wide as they need, on a terminal as wide as it is; colours only there.

    A cell is one line, whatever somebody wrote into it.
    """
    from carelane.cli.layout import table_lines

    whole = [[harmless(" ".join(cell.splitlines())) for cell in row] for row in rows]
    lines = table_lines(headings, whole, _terminal_width(sys.stdout))
    for number, (cells, widths) in enumerate(lines):
        click.echo(_line(cells, widths, bold=number == 0))


def _line(cells: list[str], widths: list[int], *, bold: bool = False) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    styled = [
        click.style(text, bold=True) if bold else _coloured(cell, text)
        for cell, text in zip(cells, padded, strict=True)
    ]
    return "  ".join(styled).rstrip()


def _coloured(cell: str, text: str) -> str:
    colour = COLOURS.get(cell)
    return click.style(text, fg=colour) if colour else text


def local_time(stamp: str | None) -> str:
    """An ISO time as this machine's clock shows it; - where there is none."""
    if stamp is None:
        return "-"
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def setting_words(change: Mapping[str, Any]) -> str:
    """A setting that is changed: what it was, and what it becomes."""
    before, after = ("not set" if v is None else v or '""' for v in (change["before"], change["after"]))
    return f"{change['setting']}: {before} -> {after}"


def seconds(value: float | None) -> str:
    """A duration in seconds; - where it is unknown."""
    return "-" if value is None else f"{value:.1f} s"
