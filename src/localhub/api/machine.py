"""This machine as a runner, minutes used, and the small things that clients ask of a GitHub."""

import os
from typing import Any

from fastapi import APIRouter, Response

from localhub.api.access import BASE, Actor, Hub, Repo
from localhub.hub import forms
from localhub.hub.parts import Localhub
from localhub.runs.records import Status

router = APIRouter()


def _runner(hub: Localhub) -> dict[str, Any]:
    busy = any(job.status is Status.IN_PROGRESS for run in hub.runs.active() for job in run.jobs)
    labels = [
        {"id": number, "name": name, "type": "custom"} for number, name in enumerate(hub.settings.labels, 1)
    ]
    return {
        "id": 1,
        "name": "localhub",
        "os": "linux",
        "status": "online",
        "busy": busy,
        "labels": labels,
        "runner_group_id": 1,
        "load": list(os.getloadavg()),
        "slots": hub.settings.slots,
    }


@router.get(f"{BASE}/actions/runners")
def runners(hub: Hub, _repo: Repo) -> dict[str, Any]:
    """This machine, as a self-hosted runner; `load` and `slots` are localhub's own."""
    return {"total_count": 1, "runners": [_runner(hub)]}


@router.get(f"{BASE}/actions/runners/{{runner_id}}")
def runner(hub: Hub, _repo: Repo, runner_id: int) -> dict[str, Any]:
    """The same."""
    return {**_runner(hub), "id": runner_id}


def _minutes(hub: Localhub) -> int:
    """Minutes that jobs took, each rounded up, as GitHub bills them."""
    import math

    from localhub.store.runs import RunFilter

    total = 0
    for repository in hub.repositories.all():
        page = 1
        while True:
            _, runs = hub.runs.listed(repository.name, RunFilter(), page=page, per_page=100)
            for run in runs:
                for attempt in run.attempts():
                    for job in attempt.jobs:
                        if job.started_at and job.completed_at and job.log_of is None and job.steps:
                            total += math.ceil((job.completed_at - job.started_at).total_seconds() / 60)
            if len(runs) < 100:
                break
            page += 1
    return total


@router.get("/user/settings/billing/actions")
@router.get("/users/{login}/settings/billing/actions")
@router.get("/orgs/{login}/settings/billing/actions")
def billing(hub: Hub, _actor: Actor) -> dict[str, Any]:
    """Minutes used (retired on github.com in 2025); none is paid for on one's own machine."""
    used = _minutes(hub)
    return {
        "total_minutes_used": used,
        "total_paid_minutes_used": 0,
        "included_minutes": 0,
        "minutes_used_breakdown": {"SELF_HOSTED": used},
    }


@router.get("/")
def root(response: Response, _actor: Actor) -> dict[str, Any]:
    """Where gh looks for what its token may do."""
    response.headers["X-OAuth-Scopes"] = "repo, read:org, gist, workflow"
    return {"current_user_url": f"{forms.API}/user"}


@router.get("/user")
def user(actor: Actor) -> dict[str, Any]:
    """Who asks."""
    return {**forms.user(actor), "name": actor}


@router.get("/users/{login}")
def other_user(login: str, _actor: Actor) -> dict[str, Any]:
    """Anybody."""
    return {**forms.user(login), "name": login}


@router.get("/meta")
def meta(hub: Hub) -> dict[str, Any]:
    """What kind of GitHub this is; `failing` is localhub's own: what does not do its work, and why."""
    failing = hub.watch.failing() if hub.watch is not None else []
    return {
        "verifiable_password_authentication": False,
        "installed_version": "localhub",
        "failing": failing,
    }


@router.get("/rate_limit")
def rate_limit(_actor: Actor) -> dict[str, Any]:
    """There is none."""
    core = {"limit": 1_000_000, "used": 0, "remaining": 1_000_000, "reset": 0}
    return {"resources": {"core": core, "graphql": core}, "rate": core}
