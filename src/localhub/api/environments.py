"""Environments and deployments."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from localhub.api.access import BASE, Actor, Admin, Hub, Paging, Repo
from localhub.base.errors import InputError, NotFoundError
from localhub.hub import forms
from localhub.hub.parts import Localhub
from localhub.store.records import DeploymentStatus, HubDeployment, Repository

router = APIRouter()
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


@router.get(f"{BASE}/environments")
def list_environments(hub: Hub, repo: Repo, page: Paging) -> dict[str, Any]:
    """Environments, by name."""
    found = sorted(hub.environments.all(repo.name), key=lambda each: each.name)
    return {"total_count": len(found), "environments": [forms.environment(each) for each in page.of(found)]}


@router.get(f"{BASE}/environments/{{environment}}")
def get_environment(hub: Hub, repo: Repo, environment: str) -> dict[str, Any]:
    """One environment."""
    found = hub.environments.get(repo.name, environment)
    if found is None:
        raise NotFoundError(f"{repo.name} has no environment {environment!r}")
    return forms.environment(found)


@router.put(f"{BASE}/environments/{{environment}}")
def put_environment(
    hub: Hub,
    repo: Repo,
    environment: str,
    _admin: Admin,
    reviewers: Annotated[list[dict[str, Any]] | None, Body()] = None,
    prevent_self_review: Annotated[bool, Body()] = False,
    branches: Annotated[list[str] | None, Body()] = None,
) -> dict[str, Any]:
    """Makes an environment or changes its rules. Reviewers by `login` here, where GitHub wants ids."""
    logins = tuple(str(each.get("login", "")) for each in reviewers or [])
    if not all(logins):
        raise InputError(
            "a reviewer has no login", hint='{"reviewers": [{"type": "User", "login": "alice"}]}'
        )
    found = hub.set_environment(repo.name, environment, logins, branches or (), prevent_self_review)
    hub.engine.stir()
    return forms.environment(found)


@router.get(f"{BASE}/deployments")
def list_deployments(
    hub: Hub,
    repo: Repo,
    page: Paging,
    environment: str | None = None,
    sha: str | None = None,
    ref: str | None = None,
) -> list[dict[str, Any]]:
    """Deployments, newest first."""
    found = sorted(hub.deployments.all(repo.name), key=lambda each: each.id, reverse=True)
    fitting = [
        each
        for each in found
        if environment in {None, each.environment} and sha in {None, each.sha} and ref in {None, each.ref}
    ]
    return [forms.deployment(each) for each in page.of(fitting)]


@router.post(f"{BASE}/deployments", status_code=201)
def create_deployment(
    hub: Hub,
    repo: Repo,
    actor: Actor,
    ref: Annotated[str, Body()],
    environment: Annotated[str, Body()] = "production",
    task: Annotated[str, Body()] = "deploy",
    description: Annotated[str | None, Body()] = None,
) -> dict[str, Any]:
    """A deployment made by hand."""
    sha = hub.bare.resolve(repo.name, ref)
    number = hub.runs.next_id("deployments")
    made = HubDeployment(
        number, repo.name, environment, sha, ref, actor, hub.clock.now(), task, description or ""
    )
    hub.deployments.save(made)
    return forms.deployment(made)


def _one(hub: Localhub, repo: Repository, deployment_id: int) -> HubDeployment:
    found = hub.deployments.get(repo.name, str(deployment_id))
    if found is None:
        raise NotFoundError(f"{repo.name} has no deployment {deployment_id}")
    return found


@router.get(f"{BASE}/deployments/{{deployment_id}}")
def get_deployment(hub: Hub, repo: Repo, deployment_id: int) -> dict[str, Any]:
    """One deployment."""
    return forms.deployment(_one(hub, repo, deployment_id))


def _status(status: DeploymentStatus, deployment: HubDeployment) -> dict[str, Any]:
    return {
        "id": status.id,
        "state": status.state,
        "creator": forms.user(status.creator),
        "description": status.description,
        "environment": deployment.environment,
        "environment_url": status.environment_url,
        "log_url": status.log_url,
        "target_url": status.log_url,
        "created_at": forms.when(status.created_at),
        "updated_at": forms.when(status.created_at),
        "deployment_url": f"{forms.API}/repos/{deployment.repository}/deployments/{deployment.id}",
    }


@router.get(f"{BASE}/deployments/{{deployment_id}}/statuses")
def list_statuses(hub: Hub, repo: Repo, deployment_id: int, page: Paging) -> list[dict[str, Any]]:
    """What became of a deployment, newest first."""
    found = _one(hub, repo, deployment_id)
    return [_status(each, found) for each in page.of(list(reversed(found.statuses)))]


@router.post(f"{BASE}/deployments/{{deployment_id}}/statuses", status_code=201)
def add_status(
    hub: Hub,
    repo: Repo,
    deployment_id: int,
    actor: Actor,
    state: Annotated[str, Body()],
    description: Annotated[str, Body()] = "",
    environment_url: Annotated[str, Body()] = "",
    log_url: Annotated[str, Body()] = "",
) -> dict[str, Any]:
    """Another word on a deployment."""
    if state not in STATES:
        raise InputError(f"state is {state!r}", hint=f"one of {', '.join(STATES)}")
    found = _one(hub, repo, deployment_id)
    number = hub.runs.next_id("statuses")
    status = DeploymentStatus(number, state, hub.clock.now(), actor, description, environment_url, log_url)
    hub.deployments.changed(repo.name, str(deployment_id), lambda now: (now or found).followed_by(status))
    return _status(status, found)
