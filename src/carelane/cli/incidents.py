"""incidents: that users had something worse, and until when."""

from typing import Any

import click

from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.output import local_time, output_option, seconds, show_json, table


@click.group(epilog="Example: carelane incidents list --environment production")
def incidents() -> None:
    """That users had something worse, since when, and until when."""


@incidents.command("list", epilog="Example: carelane incidents list --limit 5 --output json")
@click.option("--environment", shell_complete=naming.environments, help="Only those of this environment.")
@click.option("--limit", default=20, show_default=True)
@output_option
@click.pass_obj
def list_incidents(directory: str, environment: str | None, limit: int, output: str) -> None:
    """The incidents, newest first; how long users had one is unknown (-) until it is known."""
    found = Client(directory).get("/incidents", environment=environment, limit=limit)
    if output == "json":
        show_json(found)
        return
    headings = ["ENVIRONMENT", "N", "CAUSE", "DEPLOYMENT", "SERVICE", "OPENED", "RESOLVED", "TOOK", "WORDS"]
    table(headings, [_row(incident) for incident in found])


def _row(incident: dict[str, Any]) -> list[str]:
    return [
        incident["environment"],
        str(incident["number"]),
        incident["cause"],
        "-" if incident["deployment"] is None else str(incident["deployment"]),
        incident["service"] or "-",
        local_time(incident["opened_at"]),
        "open" if incident["resolved_at"] is None else local_time(incident["resolved_at"]),
        seconds(incident["recovered_after_seconds"]),
        incident["words"],
    ]
