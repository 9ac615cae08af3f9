"""token: who may speak to the server from a pipeline, and what they may do."""

from typing import Any

import click

from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.output import local_time, output_option, say, show_json, table


@click.group(epilog="Example: carelane token create pipeline --release --deploy development")
def token() -> None:
    """Tokens of pipelines: made, listed and ended."""


@token.command(
    epilog="Example: carelane token create pipeline --release --deploy development --deploy staging --days 90"
)
@click.argument("name")
@click.option(
    "--deploy", "environments", multiple=True, help="An environment it may deploy to; repeat for more."
)
@click.option(
    "--release", is_flag=True, help="It may make releases: the server then builds what the commit asks for."
)
@click.option(
    "--weaken", is_flag=True, help="It may name a strategy that asks less than the environment's own."
)
@click.option("--days", type=float, help="How long it is good (default: until it is revoked).")
@output_option
@click.pass_obj
def create(
    directory: str,
    name: str,
    environments: tuple[str, ...],
    release: bool,
    weaken: bool,
    days: float | None,
    output: str,
) -> None:
    """Make a token and print its value, this once; it may read, and what the options say."""
    rights = [*(["release"] if release else []), *(["weaken"] if weaken else [])]
    body = {"name": name, "environments": list(environments), "rights": rights, "days": days}
    made = Client(directory).post("/tokens", body)
    if output == "json":
        show_json(made)
        return
    say(made["value"])
    say(
        f"keep it as the secret CARELANE_TOKEN; it {_may(made)}",
        err=True,
    )


def _may(made: dict[str, Any]) -> str:
    releases = "makes releases and " if "release" in made["rights"] else "makes no releases and "
    where = f"deploys to {', '.join(made['environments']) or 'nothing'}"
    return f"{releases}{where}{', by any strategy' if 'weaken' in made['rights'] else ''}"


@token.command("list", epilog="Example: carelane token list")
@output_option
@click.pass_obj
def list_tokens(directory: str, output: str) -> None:
    """The tokens, newest first; never their values."""
    found = Client(directory).get("/tokens")
    if output == "json":
        show_json(found)
        return
    rows = [
        [
            each["name"],
            ", ".join(each["environments"]) or "-",
            ", ".join(each["rights"]) or "-",
            each["created_by"],
            local_time(each["created_at"]),
            local_time(each["expires_at"]) if each["expires_at"] else "never",
            local_time(each["revoked_at"]) if each["revoked_at"] else "-",
        ]
        for each in found
    ]
    table(["TOKEN", "DEPLOYS TO", "MAY", "BY", "MADE", "EXPIRES", "REVOKED"], rows)


@token.command(epilog="Example: carelane token revoke pipeline")
@click.argument("name", shell_complete=naming.tokens)
@click.pass_obj
def revoke(directory: str, name: str) -> None:
    """End a token at once."""
    Client(directory).post(f"/tokens/{name}/revoke")
    say(f"token {name} is revoked")
