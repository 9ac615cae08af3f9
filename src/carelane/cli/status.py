"""status and env: how things are."""

from typing import Any

import click

from carelane.base.errors import PlatformError
from carelane.cli.client import Client
from carelane.cli.output import local_time, output_option, show_json, table


@click.command(epilog="Example: carelane status --output json | jq '.[].release'")
@output_option
@click.pass_obj
def status(directory: str, output: str) -> None:
    """All environments at one look: versions, instances, health, and what is moving.

    What of the server itself does not do its work is said behind it, and is exit code 6.
    """
    client = Client(directory)
    environments = client.get("/environments")
    if output == "json":
        show_json(environments)
    else:
        _show(environments)
    failing = client.get("/system")["failing"]
    if failing:
        raise PlatformError(
            "; ".join(f"{each['part']}: {each['why']}" for each in failing), hint="see .carelane/server.log"
        )


def _show(environments: list[dict[str, Any]]) -> None:
    rows = [row for environment in environments for row in _rows(environment)]
    table(
        [
            "ENVIRONMENT",
            "RELEASE",
            "SERVICE",
            "VERSION",
            "READY",
            "REQ/S",
            "ERRORS",
            "P95",
            "HEALTH",
            "MOVING",
        ],
        rows,
    )


def _rows(environment: dict[str, Any]) -> list[list[str]]:
    first = [environment["name"], environment["release"] or "-"]
    health = environment["health"] or "unknown"
    if not environment["services"]:
        return [[*first, "-", "-", "-", "-", "-", "-", "-", _moving(environment) or "nothing deployed"]]
    rows = []
    for service in environment["services"]:
        version = service["stable"] or "-"
        if service["canary"]:
            version += f" -> {service['canary']}"
        ready = f"{service['ready']}/{service['wanted']}"
        rows.append(
            [*first, service["name"], version, ready, *_traffic(service), health, _moving(environment)]
        )
        first, health, environment = ["", ""], "", {**environment, "deployment": None}
    return rows


def _traffic(service: dict[str, Any]) -> list[str]:
    rate, errors = service["requests_per_second"], service["error_ratio"]
    if service["kind"] != "web":
        return ["", "", ""]
    shown = "-" if service["p95_ms"] is None else f"{service['p95_ms']:g} ms"
    return ["-" if rate is None else f"{rate:.1f}", "-" if errors is None else f"{errors:.1%}", shown]


def _moving(environment: dict[str, Any]) -> str:
    deployment = environment["deployment"]
    if deployment is None:
        return ""
    return f"{deployment['release']} {deployment['phase']} (deployment {deployment['id']})"


@click.group(epilog="Example: carelane env show production")
def env() -> None:
    """One environment in detail."""


@env.command("show", epilog="Example: carelane env show development")
@click.argument("environment")
@output_option
@click.pass_obj
def show(directory: str, environment: str, output: str) -> None:
    """One environment with each of its instances."""
    view = Client(directory).get(f"/environments/{environment}")
    if output == "json":
        show_json(view)
        return
    health = view["health"] or "unknown"
    click.echo(
        f"{view['name']}  {view['address']}  release {view['release'] or '-'}  revision {view['revision']}"
    )
    click.echo(f"health {health}: {view['health_detail']}")
    rows = [
        [
            instance["id"],
            instance["label"],
            instance["intent"],
            instance["phase"] or "unknown",
            "yes" if instance["ready"] else "no",
            "-" if instance["restarts"] is None else str(instance["restarts"]),
            instance["place"] or "-",
            local_time(instance["since"]),
        ]
        for service in view["services"]
        for instance in service["instances"]
    ]
    if rows:
        table(["INSTANCE", "VERSION", "MEANT TO", "PROCESS", "READY", "RESTARTS", "WHERE", "SINCE"], rows)
