"""deploy and deployments."""

import textwrap
from typing import Any

import click

from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.following import Waiting, follow, wait_options, wait_quietly
from carelane.cli.naming import environment_argument
from carelane.cli.output import local_time, output_option, say, seconds, show_json, table

WHY_WIDTH = 60
"""A verdict's words are long; `deployments show` has them whole."""
STRATEGIES = ("rolling", "blue-green", "canary")


@click.command(epilog="Example: carelane deploy production --release v2.0 --reason 'new booking page' --wait")
@environment_argument
@click.option(
    "--release",
    "release_",
    required=True,
    shell_complete=naming.releases,
    help="A release's name, or the beginning of its commit.",
)
@click.option("--strategy", type=click.Choice(STRATEGIES), help="How (default: the environment's own).")
@click.option(
    "--plan", is_flag=True, help="Only show what would happen, step by step, and how long it takes."
)
@click.option("--reason", default="", help="Why, for the history.")
@wait_options
@output_option
@click.pass_obj
def deploy(
    directory: str,
    environment: str,
    release_: str,
    strategy: str | None,
    plan: bool,
    reason: str,
    waiting: Waiting,
    output: str,
) -> None:
    """Put a release into an environment."""
    client = Client(directory)
    if plan:
        from carelane.cli.plans import show_plan

        show_plan(
            client.get(f"/environments/{environment}/plan", release=release_, strategy=strategy), output
        )
        return
    body = {"release": release_, "reason": reason, "strategy": strategy}
    outcome = client.post(f"/environments/{environment}/deployments", body)
    tell(client, outcome, waiting, output)


def tell(client: Client, outcome: dict[str, Any], waiting: Waiting, output: str) -> None:
    """Say what a request led to, and follow it if asked."""
    deployment = outcome["deployment"]
    follows = waiting.wanted and deployment is not None
    if output == "json":
        _tell_programs(client, outcome, waiting, follows=follows)
        return
    say(outcome["message"])
    if follows:
        follow(client, deployment["id"], waiting)


def _tell_programs(client: Client, outcome: dict[str, Any], waiting: Waiting, *, follows: bool) -> None:
    """One document, whatever came of it: as the deployment was last seen."""
    number = outcome["deployment"]["id"] if follows else None
    try:
        if number is not None:
            wait_quietly(client, number, waiting)
    finally:
        if number is not None:
            outcome["deployment"] = client.get(f"/deployments/{number}")
        show_json(outcome)


@click.group(epilog="Example: carelane deployments list --environment production")
def deployments() -> None:
    """What was asked for, and how it went."""


@deployments.command("list", epilog="Example: carelane deployments list --limit 5")
@click.option("--environment", shell_complete=naming.environments, help="Only those of this environment.")
@click.option("--limit", default=20, show_default=True)
@output_option
@click.pass_obj
def list_deployments(directory: str, environment: str | None, limit: int, output: str) -> None:
    """The deployments, newest first."""
    found = Client(directory).get("/deployments", environment=environment, limit=limit)
    if output == "json":
        show_json(found)
        return
    rows = [
        [
            str(d["id"]),
            d["environment"],
            d["release"],
            d["kind"],
            d["phase"],
            d["author"],
            local_time(d["created_at"]),
            textwrap.shorten(d["message"] or d["reason"], WHY_WIDTH, placeholder=" …"),
        ]
        for d in found
    ]
    table(["N", "ENVIRONMENT", "RELEASE", "KIND", "PHASE", "BY", "ASKED", "WHY"], rows)


@deployments.command("show", epilog="Example: carelane deployments show 12")
@click.argument("number", type=int, shell_complete=naming.deployments)
@output_option
@click.pass_obj
def show(directory: str, number: int, output: str) -> None:
    """One deployment with its rollouts."""
    deployment = Client(directory).get(f"/deployments/{number}")
    if output == "json":
        show_json(deployment)
        return
    say(
        f"deployment {number}: {deployment['kind']} of {deployment['release']}"
        f" into {deployment['environment']}, {deployment['phase']}"
    )
    say(f"asked by {deployment['author']} at {local_time(deployment['created_at'])}: {deployment['reason']}")
    if deployment["message"]:
        say(deployment["message"])
    for part, milliseconds in deployment["timings_ms"].items():
        say(f"  {part:<12} {milliseconds:8.1f} ms")
    rows = [
        [name, r["from_label"] or "-", r["to_label"], r["phase"], _took(r), r["reason"]]
        for name, r in deployment["rollouts"].items()
    ]
    if rows:
        table(["SERVICE", "FROM", "TO", "PHASE", "TOOK", "WHY"], rows)


def _took(rollout: dict[str, Any]) -> str:
    from datetime import datetime

    if rollout["started_at"] is None or rollout["finished_at"] is None:
        return "-"
    began, ended = (datetime.fromisoformat(rollout[k]) for k in ("started_at", "finished_at"))
    return seconds((ended - began).total_seconds())
