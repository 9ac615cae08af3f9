"""Workflow files: list, view, run, enable, disable."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi.responses import JSONResponse

from localhub.api.access import BASE, Actor, Hub, Paging, Repo
from localhub.api.runs import listing, wanted_runs
from localhub.base.errors import NotFoundError
from localhub.hub import forms, payloads
from localhub.hub.parts import Localhub
from localhub.runs.starting import FOLDER, Happened
from localhub.store.records import Repository, WorkflowFile
from localhub.workflows.reading import read

router = APIRouter()
WORKFLOWS = f"{BASE}/actions/workflows"


def known(hub: Localhub, repo: Repository) -> list[WorkflowFile]:
    """Workflow files, with those that the default branch has and no run has used yet."""
    from localhub.base.errors import LocalhubError

    sha = hub.bare.refs(repo.name).get(f"refs/heads/{repo.default_branch}")
    for path, text in hub.bare.files(repo.name, sha, FOLDER).items() if sha else ():
        if path.endswith((".yml", ".yaml")):
            try:
                name = read(text, path).name
            except LocalhubError:
                name = path
            hub.repositories.known(repo.name, path, name, hub.clock.now())
    return hub.repositories.workflows(repo.name)


def one(hub: Localhub, repo: Repository, wanted: str) -> WorkflowFile:
    """A workflow file by id, file name or path."""
    found = hub.repositories.workflow(repo.name, wanted)
    if found is None:
        known(hub, repo)
        found = hub.repositories.workflow(repo.name, wanted)
    if found is None:
        raise NotFoundError(f"{repo.name} has no workflow {wanted}", hint="gh workflow list")
    return found


@router.get(WORKFLOWS)
def list_workflows(hub: Hub, repo: Repo, page: Paging) -> dict[str, Any]:
    """Workflow files, oldest first."""
    files = known(hub, repo)
    return {"total_count": len(files), "workflows": [forms.workflow(each) for each in page.of(files)]}


@router.get(f"{WORKFLOWS}/{{workflow}}")
def get_workflow(hub: Hub, repo: Repo, workflow: str) -> dict[str, Any]:
    """One workflow file."""
    return forms.workflow(one(hub, repo, workflow))


@router.get(f"{WORKFLOWS}/{{workflow}}/runs")
def list_runs(
    hub: Hub,
    repo: Repo,
    workflow: str,
    page: Paging,
    branch: str | None = None,
    event: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    head_sha: str | None = None,
    created: str | None = None,
) -> dict[str, Any]:
    """Runs of one workflow, newest first."""
    wanted = wanted_runs(branch, event, status, actor, head_sha, created, one(hub, repo, workflow).id)
    return listing(hub, repo, wanted, page)


@router.post(f"{WORKFLOWS}/{{workflow}}/dispatches")
def dispatch(
    hub: Hub,
    repo: Repo,
    workflow: str,
    actor: Actor,
    ref: Annotated[str, Body()],
    inputs: Annotated[dict[str, Any] | None, Body()] = None,
    return_run_details: Annotated[bool, Body()] = False,
) -> Response:
    """Runs a workflow by hand; inputs are checked against it first."""
    file = one(hub, repo, workflow)
    full = ref if ref.startswith("refs/") else _full(hub, repo, ref)
    sha = hub.bare.resolve(repo.name, full)
    run = hub.starter.dispatched(
        Happened(
            repository=repo.name,
            event="workflow_dispatch",
            ref=full,
            sha=sha,
            actor=actor,
            payload={"ref": full, "workflow": file.path, **payloads.about(hub, repo.name, actor)},
            inputs=inputs or {},
            only=file.path,
        )
    )
    if not return_run_details:
        return Response(status_code=204)
    shown = forms.run(run, repo)
    return JSONResponse({"workflow_run_id": run.id, "run_url": shown["url"], "html_url": shown["html_url"]})


def _full(hub: Localhub, repo: Repository, ref: str) -> str:
    refs = hub.bare.refs(repo.name)
    for prefix in ("refs/heads/", "refs/tags/"):
        if prefix + ref in refs:
            return prefix + ref
    raise NotFoundError(f"No ref found for: {ref}", hint="a branch or tag of the repository")


@router.put(f"{WORKFLOWS}/{{workflow}}/disable", status_code=204)
def disable(hub: Hub, repo: Repo, workflow: str) -> Response:
    """No event starts it any more."""
    hub.repositories.save_workflow(replace(one(hub, repo, workflow), state="disabled_manually"))
    return Response(status_code=204)


@router.put(f"{WORKFLOWS}/{{workflow}}/enable", status_code=204)
def enable(hub: Hub, repo: Repo, workflow: str) -> Response:
    """Events start it again."""
    hub.repositories.save_workflow(replace(one(hub, repo, workflow), state="active"))
    return Response(status_code=204)


@router.post(f"{BASE}/dispatches", status_code=204)
def repository_dispatch(
    hub: Hub,
    repo: Repo,
    actor: Actor,
    event_type: Annotated[str, Body()],
    client_payload: Annotated[dict[str, Any] | None, Body()] = None,
) -> Response:
    """Starts what waits for this type of event, at the default branch."""
    ref = f"refs/heads/{repo.default_branch}"
    payload = {
        "action": event_type,
        "branch": repo.default_branch,
        "client_payload": client_payload or {},
        **payloads.about(hub, repo.name, actor),
    }
    sha = hub.bare.resolve(repo.name, ref)
    hub.starter.happened(
        Happened(
            repo.name, "repository_dispatch", ref, sha, actor, payload, action=event_type, title=event_type
        )
    )
    return Response(status_code=204)
