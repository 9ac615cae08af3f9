"""Arguments and options that name something, and what a shell may complete them to.

Completing asks the server and gives up soon: nothing is ever said, and nothing found is no error.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem

from carelane.base.errors import CarelaneError
from carelane.cli.client import FILE, Client, find_system

SOON_SECONDS = 1.0
MOST = 200
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completed(find: Callable[[Client, dict[str, Any]], Iterator[tuple[str, str]]]) -> Complete:
    """Completion by what *find* gives: values, and a word about each."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        directory = context.find_root().params.get("directory") or "."
        found: list[tuple[str, str]] = []
        with contextlib.suppress(CarelaneError, OSError, KeyError, TypeError, ValueError):
            found += find(Client(directory, SOON_SECONDS), _given(context))
        if not found and find is _environments:
            found = [(name, "") for name in _written(directory)]
        return [CompletionItem(value, help=said) for value, said in found if value.startswith(incomplete)]

    return complete


def _given(context: click.Context) -> dict[str, Any]:
    """What was typed so far; behind an option that still wants its value click leaves arguments unread."""
    unread = next((word for word in context.args if not word.startswith("-")), None)
    environment = context.params.get("environment") or unread
    return {**context.params, **({} if environment is None else {"environment": environment})}


def _written(directory: str) -> list[str]:
    """The environments in carelane.yaml, for when no server answers."""
    import yaml

    with contextlib.suppress(CarelaneError, OSError, yaml.YAMLError, AttributeError, TypeError, ValueError):
        said = yaml.safe_load((find_system(directory) / FILE).read_text())
        return [name for name in said["environments"] if isinstance(name, str)]
    return []


def _environments(client: Client, _: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for environment in client.get("/environments"):
        yield environment["name"], environment["release"] or "nothing deployed"


def _services(client: Client, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for service in client.get(f"/environments/{given['environment']}")["services"]:
        yield service["name"], f"{service['stable'] or '-'}, {service['ready']} ready"


def _instances(client: Client, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for service in client.get(f"/environments/{given['environment']}")["services"]:
        for instance in service["instances"]:
            yield instance["id"], f"{instance['label']}, meant to {instance['intent']}"


def _instances_and_services(client: Client, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _services(client, given)
    yield from _instances(client, given)


def _releases(client: Client, _: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for release in client.get("/releases", limit=MOST):
        yield release["name"], f"{release['commit'][:12]} by {release['author']}"


def _revisions(client: Client, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for revision in client.get(f"/environments/{given['environment']}/history", limit=MOST):
        undone = ", undone" if revision["undone_by"] else ""
        yield str(revision["number"]), f"{revision['release']} by {revision['author']}{undone}"


def _deployments(client: Client, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for deployment in client.get("/deployments", environment=given.get("environment"), limit=MOST):
        yield str(deployment["id"]), f"{deployment['release']}, {deployment['phase']}"


def _tokens(client: Client, _: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for token in client.get("/tokens"):
        yield token["name"], f"by {token['created_by']}"


environments = _completed(_environments)
services = _completed(_services)
instances = _completed(_instances)
instances_and_services = _completed(_instances_and_services)
releases = _completed(_releases)
revisions = _completed(_revisions)
deployments = _completed(_deployments)
tokens = _completed(_tokens)
environment_argument = click.argument("environment", shell_complete=environments)
service_argument = click.argument("service", shell_complete=services)
