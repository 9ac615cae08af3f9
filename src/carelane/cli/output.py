"""How things are shown: aligned columns for people, JSON for programs."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import click
from click.core import ParameterSource

F = TypeVar("F", bound=Callable[..., Any])
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
    click.echo(json.dumps(document, indent=2))


def table(headings: list[str], rows: list[list[str]]) -> None:
    """Print *rows* in columns as wide as they need; colours only on a terminal."""
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    click.echo(_line(headings, widths, bold=True))
    for row in rows:
        click.echo(_line(row, widths))


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
