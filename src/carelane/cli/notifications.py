"""notifications: who is told, and how that went."""

from typing import Any

import click

from carelane.cli.client import Client
from carelane.cli.output import output_option, say, show_json, table


@click.command(epilog="Example: carelane notifications --limit 5")
@click.option("--limit", default=20, show_default=True)
@output_option
@click.pass_obj
def notifications(directory: str, limit: int, output: str) -> None:
    """Who is told what, and how that went: delivered, waiting to be tried again, or given up."""
    view = Client(directory).get("/notifications", limit=limit)
    if output == "json":
        show_json(view)
        return
    if not view["destinations"]:
        say("nobody is to be told: `notifications` in carelane.yaml names destinations")
    rows = [
        [str(t["position"]), t["destination"], f"{t['act']} {t['subject']}", str(t["attempts"]), how(t)]
        for t in view["told"]
    ]
    if rows:
        table(["ENTRY", "TOLD", "OF", "ATTEMPTS", "HOW IT WENT"], rows)


def how(told: dict[str, Any]) -> str:
    """How telling went, in words."""
    if told["done"]:
        return str(told["problem"]) or "delivered"
    return f"will be tried again: {told['problem']}" if told["problem"] else "on its way"
