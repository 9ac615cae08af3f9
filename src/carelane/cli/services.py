"""scale, restart and exec: what is done to a service that runs, without another version."""

import time
from typing import Any

import click

from carelane.base.errors import InputError, OutcomeOpen
from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.naming import environment_argument, service_argument
from carelane.cli.output import output_option, say, show_json
from carelane.cli.patience import patiently

AGAIN_SECONDS = 0.2


@click.command(epilog="Example: carelane scale production backend --replicas 6")
@environment_argument
@service_argument
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
    say(f"{service} in {environment}: {wanted} instances, {until}")


@click.command(epilog="Example: carelane restart production backend --wait")
@environment_argument
@service_argument
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
        say(f"{service} in {environment}: {len(before)} instances are renewed, one after the other")


def _serving(client: Client, environment: str, service: str) -> list[dict[str, Any]]:
    found = client.get(f"/environments/{environment}")["services"]
    instances = [instance for each in found if each["name"] == service for instance in each["instances"]]
    return [instance for instance in instances if instance["intent"] == "serve"]


def _until_renewed(
    client: Client, environment: str, service: str, before: set[str], timeout: float, *, told: bool
) -> None:
    give_up, last = time.monotonic() + timeout, -1
    while True:
        serving = patiently(lambda: _serving(client, environment, service))
        left = [i["id"] for i in serving if i["id"] in before]
        done = len(before) - len(left)
        if told and done != last:
            say(f"{time.strftime('%H:%M:%S')} {done} of {len(before)} instances of {service} are renewed")
        if not left and all(i["ready"] for i in serving) and len(serving) >= len(before):
            return
        if time.monotonic() > give_up:
            raise OutcomeOpen(
                f"{', '.join(left) or 'what is new'} is not renewed after {timeout:g} s",
                hint=f"it goes on: `carelane env describe {environment}` says what is waited for",
            )
        last = done
        time.sleep(AGAIN_SECONDS)


@click.command(
    "exec",
    epilog="Example: carelane exec production backend -- python -m backend.check",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 600, min_open=True),
    default=60.0,
    show_default=True,
    help="How many seconds it may take; without an end where it is typed into.",
)
@click.option("-i", "--stdin", "typed", is_flag=True, help="Pass on what is typed, or comes through a pipe.")
@click.option("-t", "--tty", "terminal", is_flag=True, help="In a terminal like this one; with -i a shell.")
@output_option
@environment_argument
@click.argument("instance", shell_complete=naming.instances_and_services)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def execute(
    directory: str,
    environment: str,
    instance: str,
    command: tuple[str, ...],
    timeout: float,
    typed: bool,
    terminal: bool,
    output: str,
) -> int:
    """Run a command beside an instance (or the first ready one of a service), in its folder and environment.

    Its exit code is the command's. With -it it is typed into, as a shell. Who did it is in the trail.
    """
    client = Client(directory)
    chosen = _chosen(client, environment, instance)
    said = list(command[1:] if command[0] == "--" else command)
    if not said:
        raise InputError("which command?", hint="carelane exec ENVIRONMENT INSTANCE -- COMMAND")
    if typed or terminal:
        from carelane.cli.terminals import attached

        path = f"/environments/{environment}/instances/{chosen}/terminal"
        return _code(attached(client, path, said, typed=typed, terminal=terminal))
    body = {"command": said, "timeout_seconds": timeout}
    try:
        ran = client.post(f"/environments/{environment}/instances/{chosen}/exec", body)
    except KeyboardInterrupt:
        say(f"{said[0]} goes on without you, for {timeout:g} s at most; with -i it had ended", err=True)
        raise
    if output == "json":
        show_json({"instance": chosen, **ran})
    else:
        click.echo(ran["out"], nl=False)
        click.echo(ran["err"], nl=False, err=True)
        if ran["cut"]:
            say("(it said more than is kept: a MiB)", err=True)
    if ran["exit_code"] is None:
        raise OutcomeOpen(f"{said[0]} was ended after {timeout:g} s", hint="--timeout gives it longer")
    return _code(ran["exit_code"])


def _code(ended: int) -> int:
    """An exit code as a shell says it."""
    return ended if ended >= 0 else 128 - ended


def _chosen(client: Client, environment: str, named: str) -> str:
    """The instance of that name, or the first ready one of that service."""
    serving = _serving(client, environment, named)
    ready = [instance["id"] for instance in serving if instance["ready"]] or [i["id"] for i in serving]
    return ready[0] if ready else named
