"""up and down: the server's process."""

import json
import os
import subprocess
import sys
import time

import click

from carelane.base import private_files
from carelane.base.children import ends_within
from carelane.base.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PlatformError,
    Stuck,
    Unavailable,
)
from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.output import say

READY_SECONDS = 60.0


@click.command(epilog="Example: carelane up --detach")
@click.option("--detach", is_flag=True, help="Return once it answers; it goes on in the background.")
@click.option(
    "--end-unknown",
    is_flag=True,
    help="End what runs here though nothing is recorded of it, as after the database was lost.",
)
@click.pass_obj
def up(directory: str, detach: bool, end_unknown: bool) -> None:
    """Start the server of the system in this folder.

    What ran before is found again and left alone; proxies and instances outlive the server.
    """
    client = Client(directory)
    command = [
        sys.executable,
        "-P",  # what lies in the folder that one stands in is no part of the server
        "-m",
        "carelane.api",
        str(client.system),
        *(["--end-unknown"] if end_unknown else []),
    ]
    if not detach:
        os.execv(command[0], command)  # noqa: S606 - becoming the server is the point
    if client.answers():
        raise ConflictError(
            f"a server runs already for {client.system}",
            hint="`carelane status` asks it; `carelane down` ends it",
        )
    from carelane.bootstrap.places import Places

    places = Places(client.system)
    places.prepare()
    with open(places.log, "ab", opener=private_files.opener) as log:
        began = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    started = time.monotonic()
    while not _answers_yet(client):
        if process.poll() is not None:
            said = places.log.read_bytes()[began:].decode(errors="replace").strip()
            say(said, err=True)
            sys.exit(process.returncode or 70)
        if time.monotonic() - started > READY_SECONDS:
            raise PlatformError(
                f"the server did not answer within {READY_SECONDS:g} s", hint=f"see {log.name}"
            )
        time.sleep(0.05)
    system = client.get("/system")
    if system["pid"] != process.pid:
        ends_within(process.pid, READY_SECONDS)
        process.poll()
        raise ConflictError(
            f"{system['system']} was up already, or was started by somebody else at the same time"
            f" (pid {system['pid']})",
            hint="`carelane status` asks it",
        )
    say(f"{system['system']} is up (pid {process.pid}, {time.monotonic() - started:.1f} s)")
    for environment in client.get("/environments"):
        say(f"  {environment['name']:<12} {environment['address']}")


def _answers_yet(client: Client) -> bool:
    """Whether it answers; one that listens already, but is busy starting, does not yet."""
    try:
        return client.answers()
    except Stuck:
        return False


@click.command(epilog="Example: carelane down --keep-running")
@click.option("--keep-running", is_flag=True, help="End only the server; proxies and instances go on.")
@click.option(
    "--environment",
    shell_complete=naming.environments,
    help="End what runs in this one alone; the server goes on.",
)
@click.pass_obj
def down(directory: str, keep_running: bool, environment: str | None) -> None:
    """End the server and, unless kept, everything it runs. Where no server runs, what one left running."""
    client = Client(directory)
    if environment is not None:
        _end_environment(client, environment, keep_running=keep_running)
        return
    try:
        pid = client.get("/system")["pid"]
    except Stuck:
        raise
    except Unavailable:
        _end_without_server(client, keep_running=keep_running)
        return
    client.post("/system/down", {"keep_running": keep_running})
    if not ends_within(pid, READY_SECONDS):
        raise PlatformError(f"the server (pid {pid}) is still ending", hint="see .carelane/server.log")
    left = left_running(client, pid)
    if left:
        raise PlatformError(
            f"the server has ended, but not what it ran: {', '.join(left)}",
            hint="see .carelane/server.log; `carelane up --detach` and `carelane down` try once more",
        )
    say(
        "the server has ended; what it ran goes on"
        if keep_running
        else "everything on this machine has ended"
    )


def _end_environment(client: Client, name: str, *, keep_running: bool) -> None:
    if keep_running:
        raise InputError("--keep-running and --environment say opposite things", hint="one of them")
    try:
        left = client.post(f"/environments/{name}/down", {})["still_running"]
    except Stuck:
        raise
    except (Unavailable, NotFoundError):
        if not _is_known(client, name):
            raise
        _end_without_server(client, keep_running=False, only=name)
        return
    if left:
        still = ", ".join(left)
        raise PlatformError(f"not all of {name} has ended: {still}", hint="see .carelane/server.log")
    say(f"all of {name} has ended; a server that starts anew starts it again, if carelane.yaml has it")


def _is_known(client: Client, name: str) -> bool:
    """Whether something of environment *name* is here, described still or not."""
    from carelane.bootstrap.places import Places

    return not client.answers() and name in {f.name for f in Places(client.system).known_environments()}


def _end_without_server(client: Client, *, keep_running: bool, only: str | None = None) -> None:
    """End what runs with no server near, and without reading carelane.yaml, which may be broken."""
    if os.environ.get("CARELANE_SERVER") or keep_running:
        raise PlatformError(f"no server runs for {client.system}", hint="there is nothing to end")
    from carelane.bootstrap.ending import end_everything
    from carelane.bootstrap.holding import hold
    from carelane.bootstrap.places import Places

    places = Places(client.system)
    if not places.state.is_dir():
        say("nothing runs here")
        return
    lock = hold(places)
    try:
        left = end_everything(places, only)
    finally:
        os.close(lock)
    if left:
        raise PlatformError(f"no server ran, and this would not end: {', '.join(left)}")
    what = "everything" if only is None else f"everything in {only}"
    say(f"no server ran; {what} that it had left running has ended")


def left_running(client: Client, pid: int) -> list[str]:
    """What the server *pid* could not end.

    Raises:
        PlatformError: If it did not get so far as to say.
    """
    from carelane.bootstrap.places import Places

    try:
        said = json.loads(Places(client.system).ended.read_text())
    except (OSError, ValueError):
        said = {}
    if said.get("pid") != pid:
        raise PlatformError(
            f"the server (pid {pid}) ended before it could say what still runs",
            hint="see .carelane/server.log; `carelane up --detach` finds what runs again",
        )
    left: list[str] = said["still_running"]
    return left
