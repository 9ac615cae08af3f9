"""release: making and listing releases."""

import os
import sys
from typing import Any

import click

from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.output import local_time, output_option, say, setting_words, show_json, table

SHOWN = 5


@click.group(epilog="Example: carelane release create --commit v1.0")
def release() -> None:
    """Make and list releases."""


@release.command(epilog="Example: carelane release create --commit 1f3c2ab --name v2.1")
@click.option("--commit", default="HEAD", show_default=True, help="A commit, tag or branch.")
@click.option("--name", help="The release's name (default: the commit's tag, else its SHA).")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="SERVICE=IMAGE",
    help="A service as a container image, by its digest; for Kubernetes. More than once for more.",
)
@output_option
@click.pass_obj
def create(directory: str, commit: str, name: str | None, images: tuple[str, ...], output: str) -> None:
    """Pack each service from a git commit and register the release; deployments never build."""
    client = Client(directory)
    if sys.stderr.isatty():
        say("packing, and building dependencies where their lock is new ...", err=True)
    asked = {"commit": commit, "name": name, "built_by": _this_run(), "images": _by_service(images)}
    made = client.post("/releases", asked)
    if made["uncommitted"]:
        first = ", ".join(made["uncommitted"][:SHOWN])
        more = len(made["uncommitted"]) - SHOWN
        rest = f" and {more} more" if more > 0 else ""
        say(f"not in the release, for it is not committed: {first}{rest}", err=True)
    for remark in made["remarks"]:
        say(f"note: {remark}", err=True)
    if output == "json":
        show_json(made)
        return
    say(f"release {made['name']} of commit {made['commit'][:12]}")
    _services(made)


@release.command("list", epilog="Example: carelane release list")
@click.option("--limit", default=20, show_default=True)
@output_option
@click.pass_obj
def list_releases(directory: str, limit: int, output: str) -> None:
    """The releases, newest first."""
    releases = Client(directory).get("/releases", limit=limit)
    if output == "json":
        show_json(releases)
        return
    rows = [
        [r["name"], r["commit"][:12], r["author"], local_time(r["created_at"]), _changed(r)] for r in releases
    ]
    table(["RELEASE", "COMMIT", "BY", "MADE", "CHANGES"], rows)


@release.command(epilog="Example: carelane release show v1.0 --output json")
@click.argument("name", shell_complete=naming.releases)
@output_option
@click.pass_obj
def show(directory: str, name: str, output: str) -> None:
    """One release: what was packed, how it runs, and what an environment has otherwise."""
    found = Client(directory).get(f"/releases/{name}")
    if output == "json":
        show_json(found)
        return
    say(f"release {found['name']} of commit {found['commit']}, made by {found['author']}")
    if found["built_by"]:
        run = found["built_by"]
        say(f"built by {run['workflow']} run {run['run_id']}, attempt {run['attempt']}: {run['url']}")
    _services(found)
    for environment, services in found["differences"].items():
        for service, difference in services.items():
            for change in difference["settings"]:
                say(f"in {environment}, {service}: {setting_words(change)}")


def _by_service(images: tuple[str, ...]) -> dict[str, str]:
    """The images by their services."""
    named: dict[str, str] = {}
    for said in images:
        service, equals, image = said.partition("=")
        if not equals or not service or not image:
            raise click.BadParameter(f"{said!r} is not SERVICE=NAME@sha256:DIGEST", param_hint="--image")
        if named.setdefault(service, image) != image:
            raise click.BadParameter(f"{service} is given two images", param_hint="--image")
    return named


def _this_run() -> dict[str, Any] | None:
    """The WorkflowRun that this command runs in, by what GitHub tells its jobs; None outside one."""
    told = os.environ
    if told.get("GITHUB_ACTIONS") != "true" or not told.get("GITHUB_RUN_ID", "").isdigit():
        return None
    repository, run_id = told.get("GITHUB_REPOSITORY", ""), told["GITHUB_RUN_ID"]
    return {
        "repository": repository,
        "run_id": int(run_id),
        "attempt": int(told.get("GITHUB_RUN_ATTEMPT", "1")),
        "workflow": told.get("GITHUB_WORKFLOW", ""),
        "url": f"{told.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{run_id}",
    }


def _services(made: dict[str, Any]) -> None:
    rows = [
        [
            v["service"],
            v["run"]["kind"],
            v["label"],
            v["artifact"]["archive"][:12],
            " ".join(v["run"]["command"]),
        ]
        for v in made["versions"].values()
    ]
    table(["SERVICE", "KIND", "VERSION", "ARCHIVE", "COMMAND"], rows)


def _changed(made: dict[str, Any]) -> str:
    return ", ".join(name for name, v in made["versions"].items() if v["label"] == made["name"]) or "nothing"
