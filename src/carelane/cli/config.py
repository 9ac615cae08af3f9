"""config: carelane.yaml without a server."""

from pathlib import Path

import click

from carelane.cli.naming import environment_argument
from carelane.cli.output import output_option, say, show_json


@click.group(epilog="Example: carelane config check")
def config() -> None:
    """Check carelane.yaml, show what it comes to in an environment, or print its schema."""


@config.command(epilog="Example: carelane config check path/to/carelane.yaml")
@click.argument("path", required=False, type=click.Path(dir_okay=False))
@output_option
@click.pass_obj
def check(directory: str, path: str | None, output: str) -> None:
    """Read carelane.yaml and say every mistake with its place; exit code 2 if there is one."""
    from carelane.bootstrap.offline import check_configuration
    from carelane.cli.client import FILE, find_system

    file = Path(path) if path else find_system(directory) / FILE
    found = check_configuration(file)
    if output == "json":
        show_json(found)
        return
    services = ", ".join(f"{name} ({kind})" for name, kind in found["services"].items())
    environments = ", ".join(f"{name} at {address}" for name, address in found["environments"].items())
    say(f"{file.name} is right: {found['system']}\n  services: {services}\n  environments: {environments}")


@config.command(epilog="Example: carelane config show production")
@environment_argument
@output_option
@click.pass_obj
def show(directory: str, environment: str, output: str) -> None:
    """What carelane.yaml comes to in ENVIRONMENT: how services run there, and its policy, with defaults."""
    import yaml

    from carelane.bootstrap.offline import shown_configuration
    from carelane.cli.client import FILE, find_system

    found = shown_configuration(find_system(directory) / FILE, environment)
    if output == "json":
        show_json(found)
        return
    click.echo(yaml.safe_dump(found, sort_keys=False, default_flow_style=None, width=100), nl=False)


@config.command(epilog="Example: carelane config schema > carelane.schema.json")
def schema() -> None:
    """Print the JSON Schema of carelane.yaml, for editors."""
    from carelane.bootstrap.offline import configuration_schema

    show_json(configuration_schema())
