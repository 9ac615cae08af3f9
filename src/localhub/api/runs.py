"""Runs: /actions/runs and what can be done to one."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from localhub.api.access import BASE, Actor, Hub, Page, Paging, Repo
from localhub.base.errors import InputError, NotFoundError
from localhub.hub import forms, retention
from localhub.hub.parts import Localhub
from localhub.runs.records import Job, Run, Status
from localhub.store.records import Repository
from localhub.store.runs import RunFilter

router = APIRouter()
RUNS = f"{BASE}/actions/runs"
MOST_FILTERED = 1000


def listing(hub: Localhub, repo: Repository, wanted: RunFilter, page: Page) -> dict[str, Any]:
    """One page of runs, with how many there are; a filtered search shows 1,000 at most, as on GitHub."""
    filtered = wanted != RunFilter()
    if filtered and page.page * page.per_page > MOST_FILTERED + page.per_page:
        return {"total_count": MOST_FILTERED, "workflow_runs": []}
    total, runs = hub.runs.listed(repo.name, wanted, page=page.page, per_page=page.per_page)
    shown = min(total, MOST_FILTERED) if filtered else total
    page.tell(shown)
    return {"total_count": shown, "workflow_runs": [forms.run(run, repo) for run in runs]}


def wanted_runs(
    branch: str | None = None,
    event: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    head_sha: str | None = None,
    created: str | None = None,
    workflow_id: int | None = None,
) -> RunFilter:
    """What the query asks for; `created` as GitHub's A..B, >=A or <=B."""
    after = before = None
    if created:
        if ".." in created:
            after, before = (None if each in {"*", ""} else each for each in created.split("..", 1))
        elif created[0] in "<>":
            value = created.lstrip("<>=")
            after, before = (value, None) if created[0] == ">" else (None, value)
        else:
            after, before = created, f"{created}T23:59:59"
    return RunFilter(workflow_id, branch, event, status, actor, head_sha, (after, before))


def found(hub: Localhub, repo: Repository, run_id: int) -> Run:
    """The run of that repository."""
    run = hub.runs.get(run_id)
    if run is None or run.repository != repo.name:
        raise NotFoundError(f"{repo.name} has no run {run_id}", hint="gh run list")
    return run


def at(run: Run, attempt: int) -> Run:
    """One attempt of a run."""
    for each in run.attempts():
        if each.attempt == attempt:
            return each
    raise NotFoundError(f"run {run.id} has no attempt {attempt}")


@router.get(RUNS)
def list_runs(
    hub: Hub,
    repo: Repo,
    page: Paging,
    branch: str | None = None,
    event: str | None = None,
    status: str | None = None,
    actor: str | None = None,
    head_sha: str | None = None,
    created: str | None = None,
) -> dict[str, Any]:
    """Runs, newest first."""
    return listing(hub, repo, wanted_runs(branch, event, status, actor, head_sha, created), page)


@router.get(f"{RUNS}/{{run_id}}")
def get_run(hub: Hub, repo: Repo, run_id: int) -> dict[str, Any]:
    """One run."""
    return forms.run(found(hub, repo, run_id), repo)


@router.get(f"{RUNS}/{{run_id}}/attempts/{{attempt}}")
def get_attempt(hub: Hub, repo: Repo, run_id: int, attempt: int) -> dict[str, Any]:
    """One attempt of a run."""
    return forms.run(at(found(hub, repo, run_id), attempt), repo)


def _jobs(run: Run, jobs: list[Job], page: Page) -> dict[str, Any]:
    return {"total_count": len(jobs), "jobs": [forms.job(job, run) for job in page.of(jobs)]}


@router.get(f"{RUNS}/{{run_id}}/jobs")
def list_jobs(
    hub: Hub, repo: Repo, run_id: int, page: Paging, filter_: Annotated[str, Query(alias="filter")] = "latest"
) -> dict[str, Any]:
    """The jobs of a run: of its latest attempt, or of all."""
    run = found(hub, repo, run_id)
    if filter_ == "all":
        return _jobs(run, [job for each in run.attempts() for job in each.jobs], page)
    return _jobs(run, list(run.jobs), page)


@router.get(f"{RUNS}/{{run_id}}/attempts/{{attempt}}/jobs")
def list_attempt_jobs(hub: Hub, repo: Repo, run_id: int, attempt: int, page: Paging) -> dict[str, Any]:
    """The jobs of one attempt."""
    run = at(found(hub, repo, run_id), attempt)
    return _jobs(run, list(run.jobs), page)


@router.post(f"{RUNS}/{{run_id}}/rerun", status_code=201)
def rerun(hub: Hub, repo: Repo, run_id: int, actor: Actor) -> dict[str, Any]:
    """Another attempt of all of it."""
    hub.engine.again(found(hub, repo, run_id).id, actor)
    return {}


@router.post(f"{RUNS}/{{run_id}}/rerun-failed-jobs", status_code=201)
def rerun_failed(hub: Hub, repo: Repo, run_id: int, actor: Actor) -> dict[str, Any]:
    """Another attempt of what failed, and of what needs it."""
    hub.engine.again(found(hub, repo, run_id).id, actor, failed_only=True)
    return {}


@router.post(f"{RUNS}/{{run_id}}/cancel", status_code=202)
def cancel(hub: Hub, repo: Repo, run_id: int) -> dict[str, Any]:
    """Asks a run to end."""
    hub.engine.cancel(found(hub, repo, run_id).id)
    return {}


@router.post(f"{RUNS}/{{run_id}}/force-cancel", status_code=202)
def force_cancel(hub: Hub, repo: Repo, run_id: int) -> dict[str, Any]:
    """Ends a run, whatever its always() steps would do."""
    hub.engine.cancel(found(hub, repo, run_id).id, force=True)
    return {}


@router.get(f"{RUNS}/{{run_id}}/timing")
def timing(hub: Hub, repo: Repo, run_id: int) -> dict[str, Any]:
    """How long a run took, and what is billed: nothing, on one's own machine."""
    run = found(hub, repo, run_id)
    took = max(0.0, (run.updated_at - run.started_at).total_seconds()) if run.done else 0.0
    return {"billable": {}, "run_duration_ms": round(took * 1000)}


@router.get(f"{RUNS}/{{run_id}}/pending_deployments")
def pending(hub: Hub, repo: Repo, run_id: int, actor: Actor) -> list[dict[str, Any]]:
    """Environments that a run waits for."""
    run = found(hub, repo, run_id)
    names = {job.environment: job for job in run.jobs if job.status is Status.WAITING and job.environment}
    rows = []
    for name, job in names.items():
        environment = hub.environments.get(repo.name, name)
        if environment is not None:
            people = [{"type": "User", "reviewer": forms.user(login)} for login in environment.reviewers]
            rows.append(
                {
                    "environment": {"id": environment.id, "name": name, "node_id": f"EN_{environment.id}"},
                    "wait_timer": 0,
                    "wait_timer_started_at": forms.when(job.created_at),
                    "current_user_can_approve": actor in environment.reviewers,
                    "reviewers": people,
                }
            )
    return rows


@router.post(f"{RUNS}/{{run_id}}/pending_deployments")
def review(
    hub: Hub,
    repo: Repo,
    run_id: int,
    actor: Actor,
    environment_ids: Annotated[list[int], Body()],
    state: Annotated[str, Body()],
    comment: Annotated[str, Body()] = "",
) -> list[dict[str, Any]]:
    """Approves or rejects environments that a run waits for."""
    if state not in {"approved", "rejected"}:
        raise InputError(f"state is {state!r}", hint="approved or rejected")
    by_id = {environment.id: environment.name for environment in hub.environments.all(repo.name)}
    unknown = [number for number in environment_ids if number not in by_id]
    if unknown or not environment_ids:
        raise InputError(f"no environment has the id {unknown or environment_ids}")
    run = hub.engine.review(run_id, [by_id[number] for number in environment_ids], state, comment, actor)
    names = {by_id[number] for number in environment_ids}
    return [
        forms.deployment(each) for each in hub.deployments.all(run.repository) if each.environment in names
    ]


@router.get(f"{RUNS}/{{run_id}}/approvals")
def approvals(hub: Hub, repo: Repo, run_id: int) -> list[dict[str, Any]]:
    """What was said on the environments of a run."""
    run = found(hub, repo, run_id)
    by_name = {environment.name: environment for environment in hub.environments.all(repo.name)}
    return [
        {
            "state": each.state,
            "comment": each.comment,
            "user": forms.user(each.user),
            "environments": [{"id": by_name[each.environment].id, "name": each.environment}],
        }
        for each in run.reviews
        if each.environment in by_name
    ]


@router.delete(f"{RUNS}/{{run_id}}", status_code=204)
def delete(hub: Hub, repo: Repo, run_id: int) -> Response:
    """Forgets a run that has ended, with its logs and artifacts."""
    retention.forget(hub, found(hub, repo, run_id))
    return Response(status_code=204)
