"""Jobs with an environment are deployments: their statuses follow the job."""

from dataclasses import replace

from localhub.hub.parts import Localhub
from localhub.runs.records import Conclusion, Job, Run, Status
from localhub.store.records import DeploymentStatus, HubDeployment


def follow(localhub: Localhub, run: Run, job: Job) -> None:
    """Brings a job's deployment up to where the job is."""
    if job.environment is None:
        return
    found = next((each for each in localhub.deployments.all(run.repository) if each.job_id == job.id), None)
    now = localhub.clock.now()
    if found is None:
        found = HubDeployment(
            id=localhub.runs.next_id("deployments"),
            repository=run.repository,
            environment=job.environment,
            sha=run.sha,
            ref=run.head_branch,
            creator=run.actor,
            created_at=now,
            job_id=job.id,
        )
        localhub.deployments.save(found)
    state = _state(job)
    if not found.statuses or found.statuses[-1].state != state:
        status = DeploymentStatus(
            id=localhub.runs.next_id("statuses"),
            state=state,
            created_at=now,
            creator=run.actor,
            environment_url=job.environment_url or "",
            log_url=f"http://github.localhost/{run.repository}/actions/runs/{run.id}/job/{job.id}",
        )
        _say(localhub, found, status)
    if state == "success":
        _retire_earlier(localhub, found)


def _state(job: Job) -> str:
    if job.status is Status.WAITING:
        return "waiting"
    if not job.done:
        return "in_progress" if job.status is Status.IN_PROGRESS else "queued"
    return {Conclusion.SUCCESS: "success", Conclusion.FAILURE: "failure"}.get(
        job.conclusion or Conclusion.FAILURE, "error"
    )


def _retire_earlier(localhub: Localhub, newest: HubDeployment) -> None:
    """What was deployed there before is inactive now."""
    for each in localhub.deployments.all(newest.repository):
        same = each.environment == newest.environment and each.id != newest.id
        if same and each.statuses and each.statuses[-1].state == "success":
            _retire(localhub, each)


def _retire(localhub: Localhub, earlier: HubDeployment) -> None:
    """It is inactive, unless somebody has said something else of it meanwhile."""
    number, at = localhub.runs.next_id("statuses"), localhub.clock.now()

    def retired(now: HubDeployment | None) -> HubDeployment:
        found = now or earlier
        last = found.statuses[-1]
        if last.state != "success":
            return found
        return found.followed_by(replace(last, id=number, state="inactive", created_at=at))

    localhub.deployments.changed(earlier.repository, str(earlier.id), retired)


def _say(localhub: Localhub, deployment: HubDeployment, status: DeploymentStatus) -> None:
    """One more word on it, beside those that others may say through the API at the same time."""
    localhub.deployments.changed(
        deployment.repository, str(deployment.id), lambda now: (now or deployment).followed_by(status)
    )
