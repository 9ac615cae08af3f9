"""logs: what a service's instances printed."""

import click

from carelane.cli.client import Client


@click.command(epilog="Example: carelane logs development backend --tail 50 --follow")
@click.argument("environment")
@click.argument("service")
@click.option("--follow", "-f", is_flag=True, help="Go on showing what comes.")
@click.option("--previous", "-p", is_flag=True, help="The run before the present one, after a crash.")
@click.option("--tail", type=click.IntRange(min=0), default=100, show_default=True, help="Lines an instance.")
@click.pass_obj
def logs(directory: str, environment: str, service: str, follow: bool, previous: bool, tail: int) -> None:
    """What a service's instances printed, each line behind its instance's name."""
    client = Client(directory)
    path = f"/environments/{environment}/services/{service}/logs"
    for line in client.lines(path, tail=tail, previous=previous, follow=follow):
        click.echo(line)
