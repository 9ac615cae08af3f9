"""Jobs, checks and logs."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from localhub.api import downloads
from localhub.api.access import BASE, Actor, Hub, Paging, Repo
from localhub.api.runs import RUNS, at, found
from localhub.base.errors import NotFoundError
from localhub.execution import logs
from localhub.hub import forms
from localhub.hub.parts import Localhub
from localhub.runs.records import Job, Run
from localhub.store.records import Repository

router = APIRouter()
JOBS = f"{BASE}/actions/jobs"
LOOK_EVERY_SECONDS = 0.2


def job_of(hub: Localhub, repo: Repository, job_id: int) -> tuple[Run, Job]:
    """A job with its run."""
    run = hub.runs.of_job(job_id)
    job = run.job(job_id) if run else None
    if run is None or job is None or run.repository != repo.name:
        raise NotFoundError(f"{repo.name} has no job {job_id}", hint="gh run view RUN shows its jobs")
    return run, job


def folder_of(hub: Localhub, job: Job) -> Path:
    """Where a job's log is: its own, or the one it was carried over with."""
    return hub.jobs.log_folder(job.log_of or job.id)


@router.get(f"{JOBS}/{{job_id}}")
def get_job(hub: Hub, repo: Repo, job_id: int) -> dict[str, Any]:
    """One job."""
    run, job = job_of(hub, repo, job_id)
    return forms.job(job, run)


@router.post(f"{JOBS}/{{job_id}}/rerun", status_code=201)
def rerun(hub: Hub, repo: Repo, job_id: int, actor: Actor) -> dict[str, Any]:
    """Another attempt of the run, in which this job and what needs it run again."""
    run, job = job_of(hub, repo, job_id)
    hub.engine.again(run.id, actor, job_id=job.id)
    return {}


@router.get(f"{JOBS}/{{job_id}}/logs")
def job_log(hub: Hub, repo: Repo, job_id: int) -> StreamingResponse:
    """A job's log, as far as it has come."""
    _, job = job_of(hub, repo, job_id)
    return StreamingResponse(logs.job_pieces(folder_of(hub, job)), media_type="text/plain; charset=utf-8")


@router.get(f"{JOBS}/{{job_id}}/steps/{{number}}/logs")
def step_log(hub: Hub, repo: Repo, job_id: int, number: int) -> PlainTextResponse:
    """A step's log, as far as it has come."""
    _, job = job_of(hub, repo, job_id)
    if number not in {step.number for step in job.steps}:
        raise NotFoundError(f"job {job_id} has no step {number}")
    return PlainTextResponse(logs.step_text(folder_of(hub, job), number))


@router.get(f"{JOBS}/{{job_id}}/logs/stream")
def stream(hub: Hub, repo: Repo, job_id: int) -> StreamingResponse:
    """A job's log while it runs, one JSON row a piece; GitHub has no such thing."""
    _, job = job_of(hub, repo, job_id)
    return StreamingResponse(_rows(hub, job), media_type="application/x-ndjson")


async def _rows(hub: Localhub, job: Job) -> AsyncIterator[str]:
    import asyncio

    sent: dict[int, int] = {}
    while True:
        run = hub.runs.of_job(job.id)
        now = run.job(job.id) if run else None
        for number, text in logs.follow(folder_of(hub, job), sent):
            yield json.dumps({"step": number, "text": text}) + "\n"
        if now is None or now.done:
            yield json.dumps({"status": "completed", "conclusion": now and now.conclusion}) + "\n"
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _archive(hub: Localhub, run: Run) -> Response:
    jobs = [
        (job.name, folder_of(hub, job), {step.number: step.name for step in job.steps})
        for job in run.jobs
        if folder_of(hub, job).exists()
    ]
    return downloads.archive(logs.archive(jobs))


@router.get(f"{RUNS}/{{run_id}}/logs")
def run_logs(hub: Hub, repo: Repo, run_id: int) -> Response:
    """The logs of a run, in GitHub's ZIP."""
    return _archive(hub, found(hub, repo, run_id))


@router.get(f"{RUNS}/{{run_id}}/attempts/{{attempt}}/logs")
def attempt_logs(hub: Hub, repo: Repo, run_id: int, attempt: int) -> Response:
    """The logs of one attempt."""
    return _archive(hub, at(found(hub, repo, run_id), attempt))


@router.get(f"{BASE}/check-runs/{{check_id}}")
def check_run(hub: Hub, repo: Repo, check_id: int) -> dict[str, Any]:
    """A job, as a check."""
    run, job = job_of(hub, repo, check_id)
    return forms.check_run(job, run)


@router.get(f"{BASE}/check-runs/{{check_id}}/annotations")
def annotations(hub: Hub, repo: Repo, check_id: int, page: Paging) -> list[dict[str, Any]]:
    """What a job remarked on; what concerns the run as a whole stands at its first job."""
    run, job = job_of(hub, repo, check_id)
    remarks = list(job.annotations)
    if run.jobs and run.jobs[0].id == job.id:
        remarks += run.annotations
    return [forms.annotation(each) for each in page.of(remarks)]


@router.get(f"{RUNS}/{{run_id}}/annotations")
def annotations_of_run(hub: Hub, repo: Repo, run_id: int, page: Paging) -> list[dict[str, Any]]:
    """What concerns a run as a whole, so why its file was refused: ours, GitHub has it on a page alone."""
    return [forms.annotation(each) for each in page.of(list(found(hub, repo, run_id).annotations))]


@router.get(f"{BASE}/commits/{{sha}}/check-runs")
def checks_of(
    hub: Hub, repo: Repo, sha: str, page: Paging, check_name: Annotated[str | None, Query()] = None
) -> dict[str, Any]:
    """Checks of a commit."""
    from localhub.store.runs import RunFilter

    _, runs = hub.runs.listed(repo.name, RunFilter(sha=hub.bare.resolve(repo.name, sha)), per_page=100)
    rows = [(job, run) for run in runs for job in run.jobs if check_name in {None, job.name}]
    return {"total_count": len(rows), "check_runs": [forms.check_run(job, run) for job, run in page.of(rows)]}
