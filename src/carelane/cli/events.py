"""events: the trail."""

import json
from typing import Any

import click

from carelane.cli import patience
from carelane.cli.client import Client
from carelane.cli.output import local_time, output_option, say


@click.command(epilog="Example: carelane events --after 120 --follow")
@click.option(
    "--after", type=click.IntRange(min=0), default=0, show_default=True, help="A position in the trail."
)
@click.option("--follow", "-f", is_flag=True, help="Go on showing what comes.")
@output_option
@click.pass_obj
def events(directory: str, after: int, follow: bool, output: str) -> None:
    """The trail: who did what, when and why."""
    client = Client(directory)
    while page := client.get("/events/list", after=after, limit=1000):
        for positioned in page:
            _show(positioned, output)
        after = page[-1]["position"]
    if follow:
        _follow(client, after, output)


def _follow(client: Client, after: int, output: str) -> None:
    seen = {"after": after}
    for line in patience.lines(client, "/events", lambda _: seen):
        if line.startswith("data: "):
            positioned = json.loads(line.removeprefix("data: "))
            seen["after"] = positioned["position"]
            _show(positioned, output)


def _show(positioned: dict[str, Any], output: str) -> None:
    if output == "json":
        say(json.dumps(positioned))
        return
    entry = positioned["entry"]
    where = entry["environment"] or "-"
    why = f"  {entry['reason']}" if entry["reason"] else ""
    stamp = local_time(entry["at"])
    say(
        f"{positioned['position']:>6}  {stamp}  {entry['actor']:<10}  {where:<12}  {entry['act']:<24}"
        f"  {entry['subject']}{why}"
    )
