"""rollout: what is moving in an environment."""

import click

from carelane.base.errors import NotFoundError
from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.deployments import tell
from carelane.cli.following import Waiting, follow, wait_options
from carelane.cli.naming import environment_argument
from carelane.cli.output import output_option, say, show_json


@click.group(epilog="Example: carelane rollout watch production")
def rollout() -> None:
    """Watch, hold, resume, retry or end what is moving."""


@rollout.command(epilog="Example: carelane rollout watch production")
@environment_argument
@click.pass_obj
def watch(directory: str, environment: str) -> None:
    """Show the deployment under way, or the last one, to its end; exit code 10 if it fails."""
    client = Client(directory)
    last = client.get("/deployments", environment=environment, limit=1)
    if not last:
        raise NotFoundError(f"nothing was deployed to {environment} yet", hint="`carelane deploy`")
    follow(client, last[0]["id"])


@rollout.command(epilog="Example: carelane rollout show production")
@environment_argument
@click.option(
    "--deployment",
    type=int,
    shell_complete=naming.deployments,
    help="Which (default: the one under way, or the last).",
)
@output_option
@click.pass_obj
def show(directory: str, environment: str, deployment: int | None, output: str) -> None:
    """Where a deployment stands: its canary steps, and what its canaries were judged by, drawn."""
    from carelane.cli.pictures import show_rollouts

    client = Client(directory)
    if deployment is None:
        chosen = next(iter(client.get("/deployments", environment=environment, limit=1)), None)
    else:
        chosen = client.get(f"/deployments/{deployment}")
    if chosen is None or chosen["environment"] != environment:
        raise NotFoundError(f"no such deployment in {environment}", hint="`carelane deployments list`")
    runs = client.get(f"/deployments/{chosen['id']}/analyses")
    if output == "json":
        show_json({"deployment": chosen, "analyses": runs})
        return
    show_rollouts(chosen, runs)


def _act(verb: str, directory: str, environment: str, reason: str, output: str) -> None:
    deployment = Client(directory).post(f"/environments/{environment}/{verb}", {"reason": reason})
    if output == "json":
        show_json(deployment)
        return
    said = f": {deployment['message']}" if deployment["message"] else ""
    say(f"deployment {deployment['id']} of {deployment['release']} is {deployment['phase']}{said}")


@rollout.command(epilog="Example: carelane rollout pause production --reason 'waiting for the lab'")
@environment_argument
@click.option("--reason", default="", help="Why, for the trail.")
@output_option
@click.pass_obj
def pause(directory: str, environment: str, reason: str, output: str) -> None:
    """Hold the deployment under way where it is (it turns back if nobody resumes it in a day)."""
    _act("pause", directory, environment, reason, output)


@rollout.command(epilog="Example: carelane rollout resume production")
@environment_argument
@click.option("--reason", default="", help="Why, for the trail.")
@output_option
@click.pass_obj
def resume(directory: str, environment: str, reason: str, output: str) -> None:
    """Let a held deployment go on."""
    _act("resume", directory, environment, reason, output)


@rollout.command(epilog="Example: carelane rollout abort production --reason 'wrong release'")
@environment_argument
@click.option("--reason", default="", help="Why, for the trail.")
@output_option
@click.pass_obj
def abort(directory: str, environment: str, reason: str, output: str) -> None:
    """Turn the deployment under way back to the stable version."""
    _act("abort", directory, environment, reason, output)


@rollout.command(epilog="Example: carelane rollout promote production --reason 'the lab has seen it'")
@environment_argument
@click.option("--full", is_flag=True, help="Past all steps that are left, not only the present one.")
@click.option(
    "--step", type=click.IntRange(min=1), help="Which (default: the one it is at now); another is a conflict."
)
@click.option("--reason", default="", help="Why, for the trail.")
@wait_options
@output_option
@click.pass_obj
def promote(
    directory: str, environment: str, full: bool, step: int | None, reason: str, waiting: Waiting, output: str
) -> None:
    """Go past the step that waits: a pause, an analysis, a check, a person's word."""
    client = Client(directory)
    seen = _seen(client, environment)
    asked = {"reason": reason, "full": full, **seen, **({} if step is None else {"step": step})}
    deployment = client.post(f"/environments/{environment}/promote", asked)
    said = f"deployment {deployment['id']} of {deployment['release']} goes on"
    tell(client, {"deployment": deployment, "message": said}, waiting, output)


def _seen(client: Client, environment: str) -> dict[str, int]:
    """The deployment under way and its canary step, as they are now: what is asked for is about these."""
    last = next(iter(client.get("/deployments", environment=environment, limit=1)), None)
    if last is None:
        return {}
    at = [r["step"] + 1 for r in last["rollouts"].values() if r["phase"] in {"Progressing", "Paused"}]
    return {"deployment": last["id"], **({"step": at[0]} if len(at) == 1 else {})}


@rollout.command(epilog="Example: carelane rollout retry production --wait")
@environment_argument
@wait_options
@output_option
@click.pass_obj
def retry(directory: str, environment: str, waiting: Waiting, output: str) -> None:
    """Deploy once more what failed or was cancelled."""
    client = Client(directory)
    tell(client, client.post(f"/environments/{environment}/retry"), waiting, output)
