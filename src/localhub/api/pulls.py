"""Pull requests, what protects the branches they go into, and the checks of a commit."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import PlainTextResponse

from localhub.api.access import BASE, Actor, Admin, Hub, Paging, Repo
from localhub.api.repositories import shown_commit
from localhub.base.errors import ConflictError, InputError, NotFoundError
from localhub.hub import forms, merging, pulls
from localhub.hub.parts import Localhub
from localhub.repositories import receipts
from localhub.repositories.bare import NOWHERE, Pushed
from localhub.store.records import PullRequest, Repository

router = APIRouter()
PULLS = f"{BASE}/pulls"
PROTECTION = f"{BASE}/branches/{{branch:path}}/protection"


def short(hub: Localhub, repo: Repository, pull: PullRequest) -> dict[str, Any]:
    """A pull request as lists show it."""
    merge = pull.merge_sha or hub.bare.at(repo.name, f"refs/pull/{pull.number}/merge")
    return forms.pull_request(pull, repo, merge)


def whole(hub: Localhub, repo: Repository, pull: PullRequest) -> dict[str, Any]:
    """A pull request with what takes git to find out."""
    standing = merging.standing(hub, pull)
    files = hub.bare.files_changed(repo.name, pull.base_sha, pull.head_sha)
    return {
        **short(hub, repo, pull),
        **forms.merged(pull),
        "mergeable": {"MERGEABLE": True, "CONFLICTING": False}.get(standing.mergeable),
        "mergeable_state": standing.status.lower(),
        "rebaseable": False,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(hub.bare.between(repo.name, pull.base_sha, pull.head_sha)),
        "additions": sum(each.added for each in files),
        "deletions": sum(each.deleted for each in files),
        "changed_files": len(files),
    }


@router.get(PULLS)
def list_pulls(
    hub: Hub,
    repo: Repo,
    page: Paging,
    state: Annotated[str, Query(pattern="open|closed|all")] = "open",
    head: str | None = None,
    base: str | None = None,
    direction: Annotated[str, Query(pattern="asc|desc")] = "desc",
) -> list[dict[str, Any]]:
    """Pull requests, newest first; `head` as owner:branch."""
    branch = None if head is None else head.rpartition(":")[2]
    fitting = [
        pull
        for pull in pulls.newest_first(hub, repo.name)
        if state in {"all", pull.state} and branch in {None, pull.head} and base in {None, pull.base}
    ]
    if direction == "asc":
        fitting.reverse()
    return [short(hub, repo, pull) for pull in page.of(fitting)]


@router.post(PULLS, status_code=201)
def create(
    hub: Hub,
    repo: Repo,
    actor: Actor,
    title: Annotated[str, Body()],
    head: Annotated[str, Body()],
    base: Annotated[str, Body()],
    body: Annotated[str | None, Body()] = None,
    draft: Annotated[bool, Body()] = False,
) -> dict[str, Any]:
    """Opens a pull request."""
    made = pulls.create(hub, repo, pulls.Proposal(title, head, base, body or "", draft), actor)
    return whole(hub, repo, made)


@router.get(f"{PULLS}/{{number}}", response_model=None)
def get(hub: Hub, repo: Repo, number: int, request: Request) -> dict[str, Any] | Response:
    """One pull request; its diff or its patches where `Accept` asks for these."""
    pull = pulls.one(hub, repo.name, number)
    wanted = request.headers.get("accept", "")
    if "diff" in wanted:
        return PlainTextResponse(hub.bare.diff(repo.name, pull.base_sha, pull.head_sha))
    if "patch" in wanted:
        return PlainTextResponse(hub.bare.patch(repo.name, pull.base_sha, pull.head_sha))
    return whole(hub, repo, pull)


@router.patch(f"{PULLS}/{{number}}")
def update(
    hub: Hub,
    repo: Repo,
    number: int,
    actor: Actor,
    title: Annotated[str | None, Body()] = None,
    body: Annotated[str | None, Body()] = None,
    base: Annotated[str | None, Body()] = None,
    state: Annotated[str | None, Body()] = None,
) -> dict[str, Any]:
    """Changes its words, its base branch or its state."""
    if state not in {None, "open", "closed"}:
        raise InputError(f"state is {state!r}", hint="open or closed")
    pull = pulls.edit(hub, pulls.one(hub, repo.name, number), pulls.Edit(title, body, base), actor)
    if state is not None:
        pull = (pulls.reopen if state == "open" else pulls.close)(hub, pull, actor)
    return whole(hub, repo, pull)


@router.get(f"{PULLS}/{{number}}/files")
def files(hub: Hub, repo: Repo, number: int, page: Paging) -> list[dict[str, Any]]:
    """Files that it changes."""
    pull = pulls.one(hub, repo.name, number)
    changed = hub.bare.files_changed(repo.name, pull.base_sha, pull.head_sha)
    return [
        {
            "filename": each.path,
            "status": each.status,
            "additions": each.added,
            "deletions": each.deleted,
            "changes": each.added + each.deleted,
        }
        for each in page.of(changed)
    ]


@router.get(f"{PULLS}/{{number}}/commits")
def commits(hub: Hub, repo: Repo, number: int, page: Paging) -> list[dict[str, Any]]:
    """Its commits, oldest first."""
    pull = pulls.one(hub, repo.name, number)
    found = hub.bare.between(repo.name, pull.base_sha, pull.head_sha)
    return [shown_commit(each, repo.name) for each in page.of(found)]


@router.put(f"{PULLS}/{{number}}/merge")
def merge(
    hub: Hub,
    repo: Repo,
    number: int,
    actor: Actor,
    merge_method: Annotated[str, Body()] = "merge",
    commit_title: Annotated[str | None, Body()] = None,
    commit_message: Annotated[str | None, Body()] = None,
    sha: Annotated[str | None, Body()] = None,
) -> dict[str, Any]:
    """Merges it: 405 where it may not be, 409 where its head is not at *sha*."""
    how = merging.Merge(merge_method, commit_title, commit_message, sha)
    merged = merging.merge(hub, pulls.one(hub, repo.name, number), how, actor)
    return {"sha": merged.merge_sha, "merged": True, "message": "Pull Request successfully merged"}


@router.get(f"{PULLS}/{{number}}/merge", status_code=204)
def is_merged(hub: Hub, repo: Repo, number: int) -> Response:
    """204 where it was merged, 404 where it was not."""
    if pulls.one(hub, repo.name, number).merged_at is None:
        raise NotFoundError("Not Found")
    return Response(status_code=204)


@router.get(f"{BASE}/commits/{{sha}}/status")
def status(hub: Hub, repo: Repo, sha: str) -> dict[str, Any]:
    """The checks of a commit in one word; each job stands for a status here, which GitHub keeps apart."""
    full = hub.bare.resolve(repo.name, sha)
    found = merging.checks(hub, repo.name, full)
    rows = [
        {
            "id": each.job.id,
            "context": each.job.name,
            "state": merging.summary([each]),
            "target_url": forms.check_run(each.job, each.run)["details_url"],
            "created_at": forms.when(each.job.created_at),
            "updated_at": forms.when(each.job.completed_at or each.job.created_at),
        }
        for each in found
    ]
    state = merging.summary(found)
    return {
        "sha": full,
        "state": state,
        "statuses": rows,
        "total_count": len(rows),
        "repository": forms.repository(repo),
    }


@router.get(PROTECTION)
def protection(repo: Repo, branch: str) -> dict[str, Any]:
    """What protects a branch: checks that must have succeeded, for everybody."""
    names = repo.required_checks.get(branch)
    if not names:
        raise NotFoundError("Branch not protected")
    return {
        "url": f"{forms.API}/repos/{repo.name}/branches/{branch}/protection",
        "required_status_checks": {
            "strict": False,
            "contexts": list(names),
            "checks": [{"context": name, "app_id": None} for name in names],
        },
        "enforce_admins": {"enabled": True},
    }


@router.put(PROTECTION)
def protect(
    hub: Hub,
    repo: Repo,
    branch: str,
    _admin: Admin,
    required_status_checks: Annotated[dict[str, Any] | None, Body()] = None,
    required_pull_request_reviews: Annotated[dict[str, Any] | None, Body()] = None,
    restrictions: Annotated[dict[str, Any] | None, Body()] = None,
) -> dict[str, Any]:
    """Asks for checks before anything is merged into a branch; other protections are refused, not dropped."""
    if required_pull_request_reviews is not None or restrictions is not None:
        raise InputError(
            "reviews and restrictions are not known here", hint="null; only required_status_checks"
        )
    given = required_status_checks or {}
    if given.get("strict"):
        raise InputError("required_status_checks.strict is not known here", hint='"strict": false')
    names = [*given.get("contexts", []), *(each.get("context") for each in given.get("checks", []))]
    if not names or not all(isinstance(name, str) and name for name in names):
        hint = '{"required_status_checks": {"strict": false, "contexts": ["test"]}}'
        raise InputError("required_status_checks names no checks", hint=hint)
    return protection(_protected(hub, repo, branch, tuple(dict.fromkeys(names))), branch)


@router.delete(PROTECTION, status_code=204)
def unprotect(hub: Hub, repo: Repo, branch: str, _admin: Admin) -> Response:
    """Asks for no checks any more."""
    _protected(hub, repo, branch, ())
    return Response(status_code=204)


def _protected(hub: Localhub, repo: Repository, branch: str, names: tuple[str, ...]) -> Repository:
    with hub.changing:
        now = hub.repositories.get(repo.name) or repo
        others = {each: kept for each, kept in now.required_checks.items() if each != branch}
        changed = replace(now, required_checks={**others, branch: names} if names else others)
        hub.repositories.save(changed)
    return changed


@router.delete(f"{BASE}/git/refs/{{ref:path}}", status_code=204)
def delete_ref(hub: Hub, repo: Repo, ref: str, actor: Actor) -> Response:
    """Removes a branch or tag, as a push of nothing to it does."""
    full = f"refs/{ref}"
    sha = hub.bare.at(repo.name, full)
    if sha is None:
        raise InputError("Reference does not exist")
    if full == f"refs/heads/{repo.default_branch}":
        raise ConflictError("Cannot delete the default branch")
    hub.bare.delete(repo.name, full)
    receipts.write(hub.bare.folder(repo.name), actor, Pushed(full, sha, NOWHERE))
    return Response(status_code=204)
