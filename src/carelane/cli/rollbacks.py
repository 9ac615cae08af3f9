"""rollback, emergency-rollback and history."""

import time
from typing import Any

import click

from carelane.base.errors import OutcomeFailed
from carelane.cli.client import Client
from carelane.cli.following import ENDED, Waiting, wait_options
from carelane.cli.output import local_time, output_option, seconds, show_json, table

PARTS = {
    "check": "artifact and history",
    "switch": "recorded and switched",
    "start": "nothing was warm: started, then switched",
}
COLD_SECONDS = 900.0
SCALE_DOWN_SECONDS = 30.0
NOTIFY_SECONDS = 3.0


@click.command(epilog="Example: carelane rollback production --to-revision 3 --reason 'wrong prices' --wait")
@click.argument("environment")
@click.option("--to-revision", type=click.IntRange(min=1), help="Which (default: the last one not undone).")
@click.option("--reason", required=True, help="Why, for the history.")
@wait_options
@output_option
@click.pass_obj
def rollback(
    directory: str, environment: str, to_revision: int | None, reason: str, waiting: Waiting, output: str
) -> None:
    """Go back to an earlier revision, with its code and its configuration."""
    from carelane.cli.deployments import tell

    client = Client(directory)
    body = {"to_revision": to_revision, "reason": reason}
    tell(client, client.post(f"/environments/{environment}/rollback", body), waiting, output)


@click.command(
    "emergency-rollback", epilog="Example: carelane emergency-rollback production --reason 'HTTP 500s'"
)
@click.argument("environment")
@click.option("--reason", required=True, help="Why; a review within 48 hours will ask.")
@output_option
@click.pass_obj
def emergency_rollback(directory: str, environment: str, reason: str, output: str) -> None:
    """Go back at once, asking no gate: one routing change, then verified, then scaled down.

    Each part is timed. Exit code 10 if health or version could not be verified afterwards.
    """
    client = Client(directory)
    outcome = client.post(f"/environments/{environment}/emergency-rollback", {"reason": reason})
    if outcome["deployment"]["phase"] not in ENDED:
        _wait_for_the_cold(client, outcome, quiet=output == "json")
    deployment = outcome["deployment"]
    timings = deployment["timings_ms"]
    if output == "table":
        click.echo(f"{environment} is back on {deployment['release']} (deployment {deployment['id']})")
        for part, milliseconds in timings.items():
            what = PARTS.get(part, outcome["message"])
            click.echo(f"  {part:<11} {milliseconds:8.1f} ms  {what}")
    took, left = _scaled_down(client, environment, deployment)
    timings["scale_down"] = took
    timings["notify"], told = _notified(client, deployment)
    if output == "json":
        show_json(outcome)
    else:
        what = f"still running: {', '.join(left)}" if left else "the version left has ended"
        click.echo(f"  {'scale down':<11} {took:8.1f} ms  {what}")
        click.echo(f"  {'notify':<11} {timings['notify']:8.1f} ms  {told}")
        click.echo("a review within 48 hours is required; `carelane events` has the entry")
    if outcome["message"].startswith("NOT verified"):
        raise OutcomeFailed(outcome["message"], hint=f"`carelane env show {environment}`, `carelane logs`")


def _wait_for_the_cold(client: Client, outcome: dict[str, Any], *, quiet: bool) -> None:
    """Nothing was warm: wait until what is being started has taken over, and put that into *outcome*.

    Raises:
        OutcomeFailed: If it does not; the message says why.
    """
    if not quiet:
        click.echo(outcome["message"])
    number, began = outcome["deployment"]["id"], time.monotonic()
    while True:
        deployment = client.get(f"/deployments/{number}")
        late = time.monotonic() - began > COLD_SECONDS
        if deployment["phase"] in (*ENDED, "Paused") or late:
            break
        time.sleep(0.1)
    if deployment["phase"] != "Succeeded":
        raise OutcomeFailed(f"deployment {number} is {deployment['phase']}: {deployment['message']}")
    timings = deployment["timings_ms"]
    timings["start"] = round((time.monotonic() - began) * 1000, 1)
    outcome.update(deployment=deployment, message=f"{deployment['release']} was started and has taken over")


def _scaled_down(client: Client, environment: str, deployment: dict[str, Any]) -> tuple[float, list[str]]:
    """Wait until the labels left behind have no instances; milliseconds, and those that still run."""
    began = time.monotonic()
    labels = {name: r["from_label"] for name, r in deployment["rollouts"].items()}
    while True:
        view = client.get(f"/environments/{environment}")
        left = [
            i["id"]
            for s in view["services"]
            for i in s["instances"]
            if i["label"] == labels.get(s["name"], "")
        ]
        if not left or time.monotonic() - began > SCALE_DOWN_SECONDS:
            return round((time.monotonic() - began) * 1000, 1), left
        time.sleep(0.1)


def _notified(client: Client, deployment: dict[str, Any]) -> tuple[float, str]:
    """Wait a moment for those who are to be told; milliseconds, and how it went in words.

    What is not delivered by then goes on being tried: nobody in an emergency waits for a mail server.
    """
    from carelane.cli.notifications import how

    began = time.monotonic()
    while True:
        view = client.get("/notifications", limit=100)
        mine = [t for t in view["told"] if t["subject"] == str(deployment["id"])]
        settled = bool(mine) and all(t["done"] or t["problem"] for t in mine)
        late = time.monotonic() - began > NOTIFY_SECONDS
        if not view["destinations"] or settled or late:
            break
        time.sleep(0.1)
    said = ", ".join(f"{t['destination']} of {t['act']}: {how(t)}" for t in mine)
    nobody = "on its way" if view["destinations"] else "nobody is to be told (notifications in carelane.yaml)"
    return round((time.monotonic() - began) * 1000, 1), said or nobody


@click.command(epilog="Example: carelane history production")
@click.argument("environment")
@click.option("--limit", type=click.IntRange(min=1, max=1000), help="How many (default: those kept).")
@output_option
@click.pass_obj
def history(directory: str, environment: str, limit: int | None, output: str) -> None:
    """The revisions of an environment: who, when, why, and how long it took."""
    revisions = Client(directory).get(f"/environments/{environment}/history", limit=limit)
    if output == "json":
        show_json(revisions)
        return
    rows = [
        [
            str(r["number"]),
            r["release"],
            r["kind"],
            r["author"],
            local_time(r["at"]),
            seconds(r["took_seconds"]),
            f"undone by {r['undone_by']}" if r["undone_by"] else "",
            r["reason"],
        ]
        for r in revisions
    ]
    table(["REVISION", "RELEASE", "KIND", "BY", "WHEN", "TOOK", "", "WHY"], rows)
