"""gh-env: what gh needs to speak to this system's localhub."""

import click

from carelane.cli.client import find_system


@click.command("gh-env", epilog='Example: eval "$(carelane gh-env)" && gh run list')
@click.pass_obj
def gh_env(directory: str) -> None:
    """Print settings for a shell: where gh's server is, whose token it uses, which repository is meant."""
    from carelane.bootstrap import offline

    click.echo(offline.gh_settings(find_system(directory)), nl=False)
