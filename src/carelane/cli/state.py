"""state: what is recorded, with or without a server."""

from pathlib import Path

import click

from carelane.base.errors import Damaged
from carelane.cli.client import find_system
from carelane.cli.output import output_option, say, show_json

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(epilog="Example: carelane state backup /backups/carelane-$(date +%F).db")
def state() -> None:
    """What is recorded: is it whole, a copy of it, and a copy put back."""


@state.command("check", epilog="Example: carelane state check --output json")
@output_option
@click.pass_obj
def check(directory: str, output: str) -> None:
    """See that what is recorded is whole; exit code 6 where it is not.

    Files that were damaged and set aside are named; they were made again from what is recorded.
    """
    from carelane.bootstrap import state as recorded

    found = recorded.check(find_system(directory))
    if output == "json":
        show_json(found)
    elif found["found"] is not None:
        held = found["found"]
        say(f"{found['database']} is whole: schema {held['schema']}, {held['entries']} entries")
    if output != "json":
        for name in found["set_aside"]:
            say(f"set aside: {name}")
    if found["problems"]:
        raise Damaged("; ".join(found["problems"]), hint="`carelane state restore FILE` puts a backup back")


@state.command("backup", epilog="Example: carelane state backup /backups/carelane-$(date +%F).db")
@click.argument("file", type=FILE)
@output_option
@click.pass_obj
def backup(directory: str, file: Path, output: str) -> None:
    """Copy what is recorded to FILE, as it is at one moment; a server goes on writing meanwhile."""
    from carelane.bootstrap import state as recorded

    made = recorded.backup(find_system(directory), file.resolve())
    if output == "json":
        show_json(made)
    else:
        say(f"{made['file']}: {made['entries']} entries, {made['deployments']} deployments")


@state.command("restore", epilog="Example: carelane state restore /backups/carelane-2026-11-28.db")
@click.argument("file", type=FILE)
@output_option
@click.pass_obj
def restore(directory: str, file: Path, output: str) -> None:
    """Put the backup FILE in the place of what is recorded, which is set aside; no server may run."""
    from carelane.bootstrap import state as recorded

    done = recorded.restore(find_system(directory), file.resolve())
    if output == "json":
        show_json(done)
        return
    say(f"{done['from']} is what is recorded: {done['entries']} entries")
    if done["aside"]:
        say(f"what was recorded before: {done['aside']}")
    say("`carelane up --detach` goes on from there")
