"""status and env: how things are."""

from typing import Any

import click

from carelane.base.errors import PlatformError
from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.naming import environment_argument
from carelane.cli.output import local_time, output_option, say, show_json, table


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
        for environment in environments:
            for said in nobody_warm(environment):
                say(said)
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


def nobody_warm(environment: dict[str, Any]) -> list[str]:
    """What is kept warm in *environment*, as the API has it, and has nobody ready: no undo at once."""
    said = []
    for service in environment["services"] if environment["seen"] else ():
        for label in service["warm"]:
            copies = [i for i in service["instances"] if i["label"] == label and i["intent"] == "warm"]
            if copies and not any(copy["ready"] for copy in copies):
                said.append(
                    f"note: {service['name']} {label}, kept warm in {environment['name']}, has nobody ready "
                    "just now: going back to it would have to wait"
                )
    return said


def _health(environment: dict[str, Any]) -> str:
    return "ended" if environment.get("ended") else environment["health"] or "unknown"


def _rows(environment: dict[str, Any]) -> list[list[str]]:
    first = [environment["name"], environment["release"] or "-"]
    health = _health(environment)
    if not environment["services"]:
        return [[*first, "-", "-", "-", "-", "-", "-", "-", _moving(environment) or "nothing deployed"]]
    rows = []
    for service in environment["services"]:
        version = service["stable"] or "-"
        if service["canary"]:
            version += f" -> {service['canary']}"
        ready = f"{service['ready'] if environment['seen'] else '?'}/{service['wanted']}"
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


@env.command("describe", epilog="Example: carelane env describe production backend-3")
@environment_argument
@click.argument("instance", required=False, shell_complete=naming.instances)
@output_option
@click.pass_obj
def describe(directory: str, environment: str, instance: str | None, output: str) -> None:
    """One instance, or each: what it waits for, how it ended before, what its probe says, its memory."""
    client = Client(directory)
    if instance is None:
        view = client.get(f"/environments/{environment}")
        chosen = [each["id"] for service in view["services"] for each in service["instances"]]
    else:
        chosen = [instance]
    described = [client.get(f"/environments/{environment}/instances/{name}") for name in chosen]
    if output == "json":
        show_json(described if instance is None else described[0])
        return
    say("\n\n".join("\n".join(_description(each)) for each in described))


def _description(described: dict[str, Any]) -> list[str]:
    instance, detail = described["instance"], described["detail"]
    ready = "ready" if instance["ready"] else "not ready"
    memory = detail["memory_bytes"]
    lines = [
        f"{instance['id']}  {described['service']} {instance['label']}",
        f"  meant to  {instance['intent']}, since {local_time(instance['since'])}",
        f"  process   {instance['phase'] or 'unknown'}, {ready}, {instance['place'] or 'nowhere yet'}",
        f"  memory    {'unknown' if memory is None else f'{memory / (1 << 20):.0f} MiB'}",
        f"  probe     {detail['probe'] or 'well'}",
    ]
    if described["waits_for"]:
        lines.append(f"  waits for {described['waits_for']}")
    return [*lines, *(f"  ended     {_end(end)}" for end in reversed(detail["ends"]))]


def _end(end: dict[str, Any]) -> str:
    code = "nobody saw how" if end["exit_code"] is None else f"exit code {end['exit_code']}"
    lived = "" if end["lived_seconds"] is None else f" after {end['lived_seconds']:.0f} s"
    why = f" ({end['why']})" if end["why"] else ""
    return f"{local_time(end['at'])}  {code}{lived}{why}"


@env.command("show", epilog="Example: carelane env show development")
@environment_argument
@output_option
@click.pass_obj
def show(directory: str, environment: str, output: str) -> None:
    """One environment with each of its instances."""
    view = Client(directory).get(f"/environments/{environment}")
    if output == "json":
        show_json(view)
        return
    health = _health(view)
    say(f"{view['name']}  {view['address']}  release {view['release'] or '-'}  revision {view['revision']}")
    say(f"health {health}: {view['health_detail']}")
    if not view["seen"] and not view["ended"]:
        say("what is there is not told just now: instances are shown as they were last seen, if ever")
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
