"""Records as GitHub's JSON, in answers and in events. Names, nesting and formats are GitHub's."""

from datetime import datetime
from typing import Any

from localhub.runs import contexts
from localhub.runs.records import LARGEST_LINE, Annotation, Job, Run, Step
from localhub.store.files import Artifact, CacheEntry
from localhub.store.records import HubDeployment, HubEnvironment, PullRequest, Repository, WorkflowFile

API, WEB = contexts.API, contexts.SERVER


def when(at: datetime | None) -> str | None:
    """A time as GitHub writes it: to the second, in UTC."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def user(login: str) -> dict[str, Any]:
    """A person, as far as anything here needs one."""
    number = contexts.person_id(login)
    kind = "Bot" if login.endswith("[bot]") else "User"
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "type": kind,
        "site_admin": False,
        "url": f"{API}/users/{login}",
        "html_url": f"{WEB}/{login}",
    }


def repository(it: Repository) -> dict[str, Any]:
    """A repository."""
    owner, _, name = it.name.partition("/")
    return {
        "id": it.id,
        "node_id": f"R_{it.id}",
        "name": name,
        "full_name": it.name,
        "owner": user(owner),
        "private": True,
        "visibility": "private",
        "fork": False,
        "description": it.description or None,
        "default_branch": it.default_branch,
        "url": f"{API}/repos/{it.name}",
        "html_url": f"{WEB}/{it.name}",
        "clone_url": f"{WEB}/{it.name}.git",
        "created_at": when(it.created_at),
        "updated_at": when(it.pushed_at or it.created_at),
        "pushed_at": when(it.pushed_at),
        "permissions": {"admin": True, "push": True, "pull": True},
    }


def workflow(it: WorkflowFile) -> dict[str, Any]:
    """A workflow file."""
    return {
        "id": it.id,
        "node_id": f"W_{it.id}",
        "name": it.name,
        "path": it.path,
        "state": it.state,
        "created_at": when(it.created_at),
        "updated_at": when(it.updated_at),
        "url": f"{API}/repos/{it.repository}/actions/workflows/{it.id}",
        "html_url": f"{WEB}/{it.repository}/blob/main/{it.path}",
        "badge_url": f"{WEB}/{it.repository}/workflows/{it.name}/badge.svg",
    }


def run(it: Run, repo: Repository) -> dict[str, Any]:
    """A run at its latest attempt."""
    url = f"{API}/repos/{it.repository}/actions/runs/{it.id}"
    previous = f"{url}/attempts/{it.attempt - 1}" if it.attempt > 1 else None
    pulls = []
    if it.pull_request is not None:
        head, base = {"ref": it.head_ref, "sha": it.head_sha}, {"ref": it.base_ref}
        pulls.append({"id": it.pull_request, "number": it.pull_request, "head": head, "base": base})
    return {
        "id": it.id,
        "name": it.name,
        "node_id": f"WFR_{it.id}",
        "head_branch": it.head_branch,
        "head_sha": it.head_sha,
        "path": it.path,
        "display_title": it.title,
        "run_number": it.number,
        "run_attempt": it.attempt,
        "event": it.event,
        "status": str(it.status),
        "conclusion": it.conclusion and str(it.conclusion),
        "workflow_id": it.workflow_id,
        "check_suite_id": it.id,
        "check_suite_node_id": f"CS_{it.id}",
        "url": url,
        "html_url": f"{WEB}/{it.repository}/actions/runs/{it.id}",
        "pull_requests": pulls,
        "created_at": when(it.created_at),
        "updated_at": when(it.updated_at),
        "run_started_at": when(it.started_at),
        "actor": user(it.actor),
        "triggering_actor": user(it.triggering_actor or it.actor),
        "referenced_workflows": [],
        "previous_attempt_url": previous,
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{API}/repos/{it.repository}/check-suites/{it.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "workflow_url": f"{API}/repos/{it.repository}/actions/workflows/{it.workflow_id}",
        "head_commit": {
            "id": it.head_sha,
            "message": it.payload.get("head_commit", {}).get("message", it.title),
        },
        "repository": repository(repo),
        "head_repository": repository(repo),
    }


def pull_request(it: PullRequest, repo: Repository, merge_sha: str | None) -> dict[str, Any]:
    """A pull request as lists show it; *merge_sha* is the commit that merges it, or would."""
    owner = repo.name.partition("/")[0]
    url, web = f"{API}/repos/{repo.name}/pulls/{it.number}", f"{WEB}/{repo.name}/pull/{it.number}"

    def branch(name: str, sha: str) -> dict[str, Any]:
        whose = {"user": user(owner), "repo": repository(repo)}
        return {"label": f"{owner}:{name}", "ref": name, "sha": sha, **whose}

    return {
        "id": it.id,
        "node_id": f"PR_{repo.id}_{it.number}",
        "number": it.number,
        "state": it.state,
        "locked": False,
        "title": it.title,
        "body": it.body or None,
        "user": user(it.author),
        "draft": it.draft,
        "labels": [{"name": name} for name in it.labels],
        "assignees": [],
        "requested_reviewers": [],
        "milestone": None,
        "head": branch(it.head, it.head_sha),
        "base": branch(it.base, it.base_sha),
        "created_at": when(it.created_at),
        "updated_at": when(it.updated_at),
        "closed_at": when(it.closed_at),
        "merged_at": when(it.merged_at),
        "merge_commit_sha": merge_sha,
        "url": url,
        "html_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "commits_url": f"{url}/commits",
        "statuses_url": f"{API}/repos/{repo.name}/statuses/{it.head_sha}",
    }


def merged(it: PullRequest) -> dict[str, Any]:
    """Whether a pull request was merged, and by whom: where one is shown alone."""
    return {"merged": it.merged_at is not None, "merged_by": user(it.merged_by) if it.merged_by else None}


def step(it: Step) -> dict[str, Any]:
    """A step of a job."""
    return {
        "name": it.name,
        "status": str(it.status),
        "conclusion": it.conclusion and str(it.conclusion),
        "number": it.number,
        "started_at": when(it.started_at),
        "completed_at": when(it.completed_at),
    }


def job(it: Job, of: Run) -> dict[str, Any]:
    """A job of a run."""
    url = f"{API}/repos/{of.repository}/actions/jobs/{it.id}"
    return {
        "id": it.id,
        "run_id": of.id,
        "run_url": f"{API}/repos/{of.repository}/actions/runs/{of.id}",
        "run_attempt": it.attempt,
        "node_id": f"CR_{it.id}",
        "head_sha": of.head_sha,
        "head_branch": of.head_branch,
        "workflow_name": of.name,
        "url": url,
        "html_url": f"{WEB}/{of.repository}/actions/runs/{of.id}/job/{it.id}",
        "status": str(it.status),
        "conclusion": it.conclusion and str(it.conclusion),
        "created_at": when(it.created_at),
        "started_at": when(it.started_at or it.created_at),
        "completed_at": when(it.completed_at),
        "name": it.name,
        "steps": [step(each) for each in it.steps],
        "check_run_url": f"{API}/repos/{of.repository}/check-runs/{it.id}",
        "labels": list(it.labels),
        "runner_id": 1 if it.steps else 0,
        "runner_name": "localhub" if it.steps else "",
        "runner_group_id": 1,
        "runner_group_name": "Default",
    }


def check_run(it: Job, of: Run) -> dict[str, Any]:
    """A job, as a check of its commit."""
    return {
        "id": it.id,
        "node_id": f"CR_{it.id}",
        "name": it.name,
        "head_sha": of.head_sha,
        "status": str(it.status),
        "conclusion": it.conclusion and str(it.conclusion),
        "started_at": when(it.started_at),
        "completed_at": when(it.completed_at),
        "html_url": f"{WEB}/{of.repository}/actions/runs/{of.id}/job/{it.id}",
        "details_url": f"{WEB}/{of.repository}/actions/runs/{of.id}/job/{it.id}",
        "check_suite": {"id": of.id},
        "app": {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"},
        "output": {"title": None, "summary": it.summary or None, "annotations_count": len(it.annotations)},
    }


def annotation(it: Annotation) -> dict[str, Any]:
    """A remark."""
    line = min(it.line, LARGEST_LINE)  # an earlier version kept whatever a step said
    return {
        "path": it.path,
        "start_line": line,
        "end_line": line,
        "start_column": None,
        "end_column": None,
        "annotation_level": it.level,
        "title": it.title,
        "message": it.message,
        "raw_details": "",
        "blob_href": "",
    }


def artifact(it: Artifact) -> dict[str, Any]:
    """An artifact."""
    url = f"{API}/repos/{it.repository}/actions/artifacts/{it.id}"
    return {
        "id": it.id,
        "node_id": f"A_{it.id}",
        "name": it.name,
        "size_in_bytes": it.size_bytes,
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": False,
        "created_at": when(datetime.fromisoformat(it.created_at)),
        "updated_at": when(datetime.fromisoformat(it.created_at)),
        "expires_at": None,
        "workflow_run": {"id": it.run_id, "head_sha": it.sha},
    }


def cache(it: CacheEntry) -> dict[str, Any]:
    """A cache."""
    return {
        "id": it.id,
        "ref": it.ref,
        "key": it.key,
        "version": it.version,
        "size_in_bytes": it.size_bytes,
        "created_at": when(datetime.fromisoformat(it.created_at)),
        "last_accessed_at": when(datetime.fromisoformat(it.used_at)),
    }


def environment(it: HubEnvironment) -> dict[str, Any]:
    """An environment and its rules."""
    rules: list[dict[str, Any]] = []
    if it.reviewers:
        people = [{"type": "User", "reviewer": user(login)} for login in it.reviewers]
        rules.append(
            {
                "id": 1,
                "type": "required_reviewers",
                "reviewers": people,
                "prevent_self_review": it.prevent_self_review,
            }
        )
    if it.branches:
        rules.append({"id": 2, "type": "branch_policy"})
    policy = {"protected_branches": False, "custom_branch_policies": True} if it.branches else None
    return {
        "id": it.id,
        "node_id": f"EN_{it.id}",
        "name": it.name,
        "url": f"{API}/repos/{it.repository}/environments/{it.name}",
        "html_url": f"{WEB}/{it.repository}/deployments/{it.name}",
        "created_at": when(it.created_at),
        "updated_at": when(it.created_at),
        "protection_rules": rules,
        "deployment_branch_policy": policy,
    }


def deployment(it: HubDeployment) -> dict[str, Any]:
    """A deployment."""
    url = f"{API}/repos/{it.repository}/deployments/{it.id}"
    last = it.statuses[-1].created_at if it.statuses else it.created_at
    return {
        "id": it.id,
        "node_id": f"DE_{it.id}",
        "url": url,
        "sha": it.sha,
        "ref": it.ref,
        "task": it.task,
        "environment": it.environment,
        "original_environment": it.environment,
        "description": it.description or None,
        "creator": user(it.creator),
        "created_at": when(it.created_at),
        "updated_at": when(last),
        "statuses_url": f"{url}/statuses",
        "payload": {},
    }
