"""rollback, emergency-rollback and history."""

import time
from typing import Any

import click

from carelane.base.errors import OutcomeFailed
from carelane.base.reasons import sayable
from carelane.cli import naming
from carelane.cli.client import Client
from carelane.cli.following import ENDED, Waiting, wait_options
from carelane.cli.naming import environment_argument
from carelane.cli.output import local_time, output_option, say, seconds, show_json, table

PARTS = {
    "check": "history",
    "switch": "recorded and switched",
    "verify": "health and version through the front door",
    "start": "until the proxies took it, and what was not ready was there",
}
COLD_SECONDS = 900.0
ENDED_EVERY_SECONDS = 1.0
"""Between two questions whether somebody has ended the environment: each asks its front door how it is."""
SCALE_DOWN_SECONDS = 30.0
NOTIFY_SECONDS = 3.0

past_option = click.option(
    "--past",
    multiple=True,
    shell_complete=naming.releases,
    metavar="RELEASE",
    help="What is left knowingly: an irreversible release, or the one that an undo has just gone back to."
    " May be given more than once.",
)
plan_option = click.option("--plan", is_flag=True, help="Only say where it would go.")


@click.command(epilog="Example: carelane rollback production --to-revision 3 --reason 'wrong prices' --wait")
@environment_argument
@click.option(
    "--to-revision",
    type=click.IntRange(min=1),
    shell_complete=naming.revisions,
    help="Which (default: the last one not undone).",
)
@click.option("--reason", default="", help="Why, for the history; needed but for --plan.")
@past_option
@plan_option
@wait_options
@output_option
@click.pass_obj
def rollback(
    directory: str,
    environment: str,
    to_revision: int | None,
    reason: str,
    past: tuple[str, ...],
    plan: bool,
    waiting: Waiting,
    output: str,
) -> None:
    """Go back to an earlier revision, with its code and its configuration.

    While something is on its way that is the version before it; else the latest earlier revision that was
    not undone and in which a service differs from what runs. --plan says beforehand which.
    """
    from carelane.cli.deployments import tell

    client = Client(directory)
    where = f"/environments/{environment}"
    if plan:
        _show_plan(client.get(f"{where}/rollback-plan", to_revision=to_revision, past=past), output)
        return
    _check_given(reason)
    body = {"to_revision": to_revision, "reason": reason, "past": past}
    tell(client, client.post(f"{where}/rollback", body), waiting, output)


@click.command(
    "emergency-rollback", epilog="Example: carelane emergency-rollback production --reason 'HTTP 500s'"
)
@environment_argument
@click.option("--reason", default="", help="Why; a review within 48 hours will ask. Needed but for --plan.")
@past_option
@plan_option
@output_option
@click.pass_obj
def emergency_rollback(
    directory: str, environment: str, reason: str, past: tuple[str, ...], plan: bool, output: str
) -> None:
    """Go back at once, asking no gate: one routing change, then verified, then scaled down.

    What users have is left: a version on its way that has any, else the stable one. Each part is timed.
    Exit code 10 where something could not be switched, or not be verified afterwards.
    """
    client = Client(directory)
    where = f"/environments/{environment}"
    if plan:
        _show_plan(client.get(f"{where}/rollback-plan", emergency="true", past=past), output)
        return
    _check_given(reason)
    reason = sayable(reason)
    outcome = client.post(f"{where}/emergency-rollback", {"reason": reason, "past": past})
    quiet = output == "json"
    if not quiet:
        _say_what_was_done(environment, outcome)
    if outcome["deployment"]["phase"] not in ENDED:
        outcome = _wait_for_the_rest(client, outcome)
        if not quiet:
            _say_what_was_done(environment, outcome)
    _finish(client, environment, outcome, output)
    if outcome["verified"] is False:
        raise OutcomeFailed(outcome["message"], hint=f"`carelane env show {environment}`, `carelane logs`")


def _check_given(reason: str) -> None:
    """Only a plan needs no reason."""
    if not reason:
        raise click.MissingParameter(param_hint="'--reason'", param_type="option")


def _show_plan(plan: dict[str, Any], output: str) -> None:
    if output == "json":
        show_json(plan)
    else:
        say(plan["message"])


def _say_what_was_done(environment: str, outcome: dict[str, Any]) -> None:
    """Each service for itself: what was switched, what is still on its way, what was verified."""
    deployment = outcome["deployment"]
    back = "is back on" if outcome["switched"] else "goes back to"
    if outcome["switched"] and outcome["verified"] is False:
        back = "is on, and NOT well on,"
    say(f"{environment} {back} {deployment['release']} (deployment {deployment['id']})")
    if outcome["warning"]:
        say(f"! {outcome['warning']}")
    for name, standing in outcome["services"].items():
        say(f"  {name:<11} {standing['words']}")
    if not outcome["switched"]:
        say(outcome["message"])


def _finish(client: Client, environment: str, outcome: dict[str, Any], output: str) -> None:
    """What is left behind ends, and people are told: each part timed."""
    deployment = outcome["deployment"]
    timings = deployment["timings_ms"]
    if output == "table":
        for part, milliseconds in timings.items():
            say(f"  {part:<11} {milliseconds:8.1f} ms  {PARTS.get(part, '')}".rstrip())
    took, left = _scaled_down(client, environment, outcome["services"])
    timings["scale_down"] = took
    timings["notify"], told = _notified(client, deployment)
    if output == "json":
        show_json(outcome)
        return
    what = f"still running: {', '.join(left)}" if left else "the version left has ended"
    say(f"  {'scale down':<11} {took:8.1f} ms  {what}")
    say(f"  {'notify':<11} {timings['notify']:8.1f} ms  {told}")
    say("a review within 48 hours is required; `carelane events` has the entry")


def _wait_for_the_rest(client: Client, outcome: dict[str, Any]) -> dict[str, Any]:
    """Wait until what is being started or replaced is there; the outcome as it is then, verified then.

    Raises:
        OutcomeFailed: If something keeps it from coming about; the message says what.
    """
    number, began = outcome["deployment"]["id"], time.monotonic()
    asked_at = -ENDED_EVERY_SECONDS
    while True:
        deployment = client.get(f"/deployments/{number}")
        late = time.monotonic() - began > COLD_SECONDS
        if time.monotonic() - asked_at >= ENDED_EVERY_SECONDS:
            asked_at = time.monotonic()
            _refuse_ended(client, deployment)
        if deployment["phase"] in (*ENDED, "Paused") or late:
            break
        time.sleep(0.1)
    if deployment["phase"] != "Succeeded":
        raise OutcomeFailed(f"deployment {number} is {deployment['phase']}: {deployment['message']}")
    took, began = time.monotonic() - began, time.monotonic()
    at_last = client.get(f"/deployments/{number}/standing")
    verifying = round((time.monotonic() - began) * 1000, 1)
    timings = {"start": round(took * 1000, 1), "verify": verifying}
    at_last["deployment"]["timings_ms"] = {**outcome["deployment"]["timings_ms"], **timings}
    return dict(at_last)


def _refuse_ended(client: Client, deployment: dict[str, Any]) -> None:
    """Raises OutcomeFailed where nobody looks after its environment any more."""
    if client.get(f"/environments/{deployment['environment']}").get("ended"):
        raise OutcomeFailed(
            f"{deployment['environment']} was ended meanwhile (`carelane down --environment`): emergency"
            f" {deployment['id']} goes on once a server starts anew",
            hint="`carelane down --keep-running`, then `carelane up --detach`",
        )


def _scaled_down(client: Client, environment: str, services: dict[str, Any]) -> tuple[float, list[str]]:
    """Wait until the labels left behind have no instances; milliseconds, and those that still run."""
    began = time.monotonic()
    labels = {name: standing["from_label"] for name, standing in services.items()}
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
@environment_argument
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
