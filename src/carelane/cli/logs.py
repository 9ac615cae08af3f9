"""logs: what a service's instances printed."""

import functools
import re
from datetime import UTC, datetime, timedelta

import click

from carelane.base.errors import InputError
from carelane.cli import naming, patience
from carelane.cli.client import Client
from carelane.cli.naming import environment_argument, service_argument
from carelane.cli.output import output_option

_AGO = re.compile(r"^(?P<number>\d+(\.\d+)?)(?P<unit>[smhd])$")
UNKNOWN = timedelta(seconds=2)
"""Of what came so lately nobody knows when."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.command(
    epilog="Example: carelane logs development backend --tail 50 --follow;"
    " carelane logs production backend --deployment 12 --since 10m"
)
@environment_argument
@service_argument
@click.option("--follow", "-f", is_flag=True, help="Go on showing what comes.")
@click.option("--previous", "-p", is_flag=True, help="The run before the present one, after a crash.")
@click.option("--tail", type=click.IntRange(min=0), help="Lines an instance; 100, or all with --since.")
@click.option(
    "--since", help="No older ones: 30s, 5m, 2h, 1d ago, or since a time such as 2026-01-31T12:00Z."
)
@click.option(
    "--instance", shell_complete=naming.instances, help="Of this instance, migration or check, ended or not."
)
@click.option(
    "--release", shell_complete=naming.releases, help="Of the version that this release has, ended or not."
)
@click.option(
    "--deployment",
    type=click.IntRange(min=1),
    shell_complete=naming.deployments,
    help="Of what this deployment brought, ended or not.",
)
@click.option("--timestamps", is_flag=True, help="By when each line was there, to two seconds; - is unknown.")
@functools.partial(output_option, usual="text")
@click.pass_obj
def logs(
    directory: str,
    environment: str,
    service: str,
    follow: bool,
    previous: bool,
    tail: int | None,
    since: str | None,
    instance: str | None,
    release: str | None,
    deployment: int | None,
    timestamps: bool,
    output: str,
) -> None:
    """What a service's instances printed, each line behind its instance's name."""
    asked: dict[str, object] = {
        "tail": tail,
        "since": None if since is None else moment(since, datetime.now(UTC)).isoformat(),
        "instance": instance,
        "release": release,
        "deployment": deployment,
        "timestamps": timestamps,
        "output": output,
        "previous": previous,
        "follow": follow,
    }
    path = f"/environments/{environment}/services/{service}/logs"
    client = Client(directory)

    def going_on(broke: datetime | None) -> dict[str, object]:
        """After the stream broke off: what came since; what came just before may come again."""
        if broke is None:
            return asked
        return {**asked, "tail": None, "since": (broke - UNKNOWN).isoformat()}

    for line in patience.lines(client, path, going_on) if follow else client.lines(path, **asked):
        click.echo(line)


def moment(text: str, now: datetime) -> datetime:
    """The time that ``5m`` (so long before *now*) or ``2026-01-31T12:00Z`` means.

    Raises:
        InputError: If it is neither.
    """
    ago = _AGO.match(text)
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago["unit"]]: float(ago["number"])})
        at = datetime.fromisoformat(text)
        return at if at.tzinfo is not None else at.astimezone()
    except (ValueError, OverflowError):
        raise InputError(
            f"--since: {text!r} is no time", hint="write 30s, 5m, 2h, 1d, or 2026-01-31T12:00Z"
        ) from None
