"""debug: what whoever helps needs to see, in one file."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carelane.base.errors import InputError
from carelane.cli.client import Client, find_system
from carelane.cli.output import output_option, say, show_json, table

if TYPE_CHECKING:
    from carelane.bootstrap.support import Piece

ASKED = {
    "system.json": ("which server answers, and what of it fails", "/system", {}),
    "differences.json": ("what carelane.yaml says otherwise than is used", "/system/differences", {}),
    "environments.json": ("versions, instances, health, what is moving", "/environments", {}),
    "deployments.json": ("the last fifty", "/deployments", {"limit": 50}),
    "releases.json": ("the last twenty; values and arguments are left out", "/releases", {"limit": 20}),
    "incidents.json": ("the last fifty", "/incidents", {"limit": 50}),
    "notifications.json": ("who is told, and how that went; no addresses", "/notifications", {"limit": 50}),
}
ENTRIES = 500
LOG_LINES = 1000


@click.group(epilog="Example: carelane debug bundle")
def debug() -> None:
    """What whoever helps needs to see."""


@debug.command(epilog="Example: carelane debug bundle --yes support.zip")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--service-logs", is_flag=True, help="What services printed too: it may be about their users.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where nobody can be asked.")
@output_option
@click.pass_obj
def bundle(directory: str, file: Path | None, service_logs: bool, yes: bool, output: str) -> None:
    """Put versions, configuration, recent trail, states, logs into one file, and say first what is in it.

    Without secrets: they are named by where they are found, and no value of a variable and no argument of
    a command is in it. What people wrote as reasons is. It needs no server; what only one knows is then
    missing, and says so.
    """
    from carelane.bootstrap import support

    system = find_system(directory)
    wanted = [*support.pieces(system), *_asked(directory)]
    if service_logs:
        wanted += _service_logs(directory)
    if output == "table":
        table(["FILE", "WHAT"], [[piece.name, piece.what] for piece in wanted])
        said = "are in it: read them first" if service_logs else "are not in it"
        say(f"what services printed: their logs {said}")
    if not yes:
        if output == "json" or not sys.stdin.isatty():
            raise InputError("nothing was written: nobody can be asked", hint="say --yes")
        click.confirm("write it?", abort=True)
    target = file or Path(f"carelane-debug-{time.strftime('%Y%m%dT%H%M%S')}.zip")
    written = support.write(target, wanted)
    if output == "json":
        show_json({"file": str(target), "pieces": written})
        return
    say(f"{target}: {len(written)} files, {target.stat().st_size >> 10} KiB")


def _asked(directory: str) -> list["Piece"]:
    from carelane.bootstrap.support import Piece

    pieces = [
        Piece(name, what, _answer(directory, path, query)) for name, (what, path, query) in ASKED.items()
    ]
    return [*pieces, Piece("trail.json", f"its last {ENTRIES} entries", lambda: _trail(directory))]


def _answer(directory: str, path: str, query: dict[str, Any]) -> Callable[[], bytes]:
    from carelane.bootstrap.support import masked

    return lambda: json.dumps(masked(Client(directory).get(path, **query)), indent=2).encode()


def _trail(directory: str) -> bytes:
    """The newest entries: the trail is asked from an end that is found by going there."""
    client, position = Client(directory), 0
    found: list[Any] = []
    while entries := client.get("/events/list", after=position, limit=1000):
        found = (found + entries)[-ENTRIES:]
        position = entries[-1]["position"]
    from carelane.bootstrap.support import masked

    return json.dumps(masked(found), indent=2).encode()


def _service_logs(directory: str) -> list["Piece"]:
    from carelane.bootstrap.support import Piece

    client = Client(directory)
    whose = [(e["name"], s["name"]) for e in client.get("/environments") for s in e["services"]]
    last = f"its last {LOG_LINES} lines"
    return [
        Piece(f"services/{where}/{name}.log", last, _printed(client, where, name)) for where, name in whose
    ]


def _printed(client: Client, where: str, service: str) -> Callable[[], bytes]:
    path = f"/environments/{where}/services/{service}/logs"
    return lambda: "\n".join(client.lines(path, tail=LOG_LINES)).encode()
