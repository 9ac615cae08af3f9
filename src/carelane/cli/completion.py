"""completion: what a shell needs to complete `carelane`."""

import click
from click.shell_completion import get_completion_class

from carelane.base.errors import InvariantError


@click.command(epilog='Example: eval "$(carelane completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script for a shell."""
    from carelane.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise InvariantError(f"click knows no shell {shell}")
    click.echo(kind(cli, {}, "carelane", "_CARELANE_COMPLETE").source())
