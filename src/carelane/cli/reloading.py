"""reload: what carelane.yaml says by now comes into force."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from carelane.base.errors import InputError
from carelane.cli.client import Client
from carelane.cli.output import output_option, say, setting_words, show_json


@click.command(epilog="Example: carelane reload --reason 'two more for the winter'")
@click.option("--reason", default="", help="Why, for the trail.")
@click.option("--plan", "only_shown", is_flag=True, help="Only show what differs.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where nobody can be asked.")
@output_option
@click.pass_obj
def reload(directory: str, reason: str, only_shown: bool, yes: bool, output: str) -> None:
    """Show what carelane.yaml says otherwise than the server uses, and bring it into force.

    Policy of environments and who is told: at once. Addresses, databases, the pipeline, an environment or
    service more or less: said, and left to a restart. What services are comes with their releases.
    """
    client = Client(directory)
    found = client.get("/system/differences")
    if output == "table":
        for line in _lines(found):
            say(line)
    done = False
    if found["changes"] and not only_shown:
        if not yes:
            _ask(output)
        client.post("/system/reload", {"reason": reason, "seen": found["digest"]})
        done = True
    if output == "json":
        show_json({**found, "in_force": done})
    elif done:
        say("in force, and in the trail")


def _ask(output: str) -> None:
    if output == "json" or not sys.stdin.isatty():
        raise InputError("nothing was brought into force: nobody can be asked", hint="say --yes, or --plan")
    click.confirm("bring it into force?", abort=True)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["changes"] and not found["needs_restart"]:
        yield "carelane.yaml says what the server uses"
    yield from _listed("without a restart:", found["changes"])
    yield from _listed("with `carelane down --keep-running` and `carelane up`:", found["needs_restart"])
    for change in found["needs_restart"]:
        kind, _, name = change["setting"].partition(".")
        if kind == "environments" and "." not in name and change["after"] is None:
            yield f"  (first end what runs in it: `carelane down --environment {name}`, before that)"


def _listed(heading: str, changes: list[dict[str, Any]]) -> Iterator[str]:
    if changes:
        yield heading
        yield from (f"  {setting_words(change)}" for change in changes)
