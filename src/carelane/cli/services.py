"""scale and restart: what is done to a service that runs, without another version."""

import time
from typing import Any

import click

from carelane.base.errors import InputError, OutcomeOpen
from carelane.cli.client import Client
from carelane.cli.output import output_option, show_json

AGAIN_SECONDS = 0.2


@click.command(epilog="Example: carelane scale production backend --replicas 6")
@click.argument("environment")
@click.argument("service")
@click.option("--replicas", type=click.IntRange(1, 100), help="How many instances.")
@click.option("--default", is_flag=True, help="As many as carelane.yaml says.")
@click.option("--reason", default="", help="Why, for the trail.")
@output_option
@click.pass_obj
def scale(
    directory: str,
    environment: str,
    service: str,
    replicas: int | None,
    default: bool,
    reason: str,
    output: str,
) -> None:
    """Have another number of instances of a service, until the next deployment has arrived."""
    if default is (replicas is not None):
        raise InputError("how many instances?", hint="say --replicas N, or --default")
    client = Client(directory)
    body = {"replicas": replicas, "reason": reason}
    state = client.post(f"/environments/{environment}/services/{service}/scale", body)
    if output == "json":
        show_json(state["services"][service])
        return
    until = "as carelane.yaml says" if default else "until the next deployment has arrived"
    said = client.get(f"/environments/{environment}")
    wanted = next(each["wanted"] for each in said["services"] if each["name"] == service)
    click.echo(f"{service} in {environment}: {wanted} instances, {until}")


@click.command(epilog="Example: carelane restart production backend --wait")
@click.argument("environment")
@click.argument("service")
@click.option("--reason", default="", help="Why, for the trail.")
@click.option("--wait", is_flag=True, help="Until each has been renewed.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    help="Wait so many seconds at most; exit code 11 if it has not ended by then.",
)
@output_option
@click.pass_obj
def restart(
    directory: str, environment: str, service: str, reason: str, wait: bool, timeout: float, output: str
) -> None:
    """Renew the instances of a service, one after the other; no request is lost. A worker ends first."""
    client = Client(directory)
    before = {i["id"] for i in _serving(client, environment, service)}
    state = client.post(f"/environments/{environment}/services/{service}/restart", {"reason": reason})
    if wait:
        _until_renewed(client, environment, service, before, timeout, told=output != "json")
    if output == "json":
        show_json(state["services"][service])
    elif not wait:
        click.echo(f"{service} in {environment}: {len(before)} instances are renewed, one after the other")


def _serving(client: Client, environment: str, service: str) -> list[dict[str, Any]]:
    found = client.get(f"/environments/{environment}")["services"]
    instances = [instance for each in found if each["name"] == service for instance in each["instances"]]
    return [instance for instance in instances if instance["intent"] == "serve"]


def _until_renewed(
    client: Client, environment: str, service: str, before: set[str], timeout: float, *, told: bool
) -> None:
    give_up, last = time.monotonic() + timeout, -1
    while True:
        serving = _serving(client, environment, service)
        left = [i["id"] for i in serving if i["id"] in before]
        done = len(before) - len(left)
        if told and done != last:
            click.echo(
                f"{time.strftime('%H:%M:%S')} {done} of {len(before)} instances of {service} are renewed"
            )
        if not left and all(i["ready"] for i in serving) and len(serving) >= len(before):
            return
        if time.monotonic() > give_up:
            raise OutcomeOpen(
                f"{', '.join(left) or 'what is new'} is not renewed after {timeout:g} s",
                hint=f"it goes on: `carelane env describe {environment}` says what is waited for",
            )
        last = done
        time.sleep(AGAIN_SECONDS)
