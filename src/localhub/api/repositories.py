"""Repositories, branches, commits and files."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Body

from localhub.api.access import BASE, Admin, Hub, Paging, Repo, Who
from localhub.base.errors import NotFoundError
from localhub.hub import forms
from localhub.repositories.bare import Commit
from localhub.store.records import Repository

router = APIRouter()


@router.get("/user/repos")
def mine(hub: Hub, page: Paging, who: Who) -> list[dict[str, Any]]:
    """All repositories that the token is good for."""
    found = [each for each in hub.repositories.all() if who.reaches(each.name)]
    return [forms.repository(each) for each in page.of(found)]


@router.post("/user/repos", status_code=201)
def create(
    hub: Hub, actor: Admin, name: Annotated[str, Body()], description: Annotated[str | None, Body()] = None
) -> dict[str, Any]:
    """A new repository of whoever asks."""
    return forms.repository(hub.create_repository(f"{actor}/{name}", description=description or ""))


@router.post("/orgs/{org}/repos", status_code=201)
def create_in(
    hub: Hub,
    org: str,
    _actor: Admin,
    name: Annotated[str, Body()],
    description: Annotated[str | None, Body()] = None,
) -> dict[str, Any]:
    """A new repository of an organisation."""
    return forms.repository(hub.create_repository(f"{org}/{name}", description=description or ""))


@router.get(BASE)
def get(repo: Repo) -> dict[str, Any]:
    """One repository."""
    return forms.repository(repo)


def _branch(repo: Repository, name: str, sha: str) -> dict[str, Any]:
    protected = bool(repo.required_checks.get(name))
    return {"name": name, "commit": {"sha": sha, "url": ""}, "protected": protected}


@router.get(f"{BASE}/branches")
def branches(hub: Hub, repo: Repo, page: Paging) -> list[dict[str, Any]]:
    """Branches, by name."""
    refs = hub.bare.refs(repo.name)
    heads = sorted(
        (ref.removeprefix("refs/heads/"), sha) for ref, sha in refs.items() if ref.startswith("refs/heads/")
    )
    return [_branch(repo, name, sha) for name, sha in page.of(heads)]


@router.get(f"{BASE}/branches/{{branch:path}}")
def branch(hub: Hub, repo: Repo, branch: str) -> dict[str, Any]:
    """One branch."""
    sha = hub.bare.refs(repo.name).get(f"refs/heads/{branch}")
    if sha is None:
        raise NotFoundError("Branch not found")
    return _branch(repo, branch, sha)


def shown_commit(commit: Commit, repo: str) -> dict[str, Any]:
    """A commit."""
    author = {"name": commit.author, "email": commit.author_email, "date": commit.date}
    committer = {"name": commit.committer, "email": commit.committer_email, "date": commit.committed}
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha}",
        "url": f"{forms.API}/repos/{repo}/commits/{commit.sha}",
        "html_url": f"{forms.WEB}/{repo}/commit/{commit.sha}",
        "commit": {
            "message": commit.message,
            "author": author,
            "committer": committer,
            "tree": {"sha": commit.tree},
        },
        "parents": [{"sha": parent} for parent in commit.parents],
        "author": None,
    }


@router.get(f"{BASE}/commits/{{revision}}")
def commit(hub: Hub, repo: Repo, revision: str) -> dict[str, Any]:
    """One commit, by (short) SHA, branch or tag."""
    return shown_commit(hub.bare.commit(repo.name, hub.bare.resolve(repo.name, revision)), repo.name)


@router.get(f"{BASE}/contents/{{path:path}}")
def contents(hub: Hub, repo: Repo, path: str, ref: str | None = None) -> dict[str, Any]:
    """One file."""
    sha = hub.bare.resolve(repo.name, ref or repo.default_branch)
    text = hub.bare.text(repo.name, sha, path)
    return {
        "type": "file",
        "encoding": "base64",
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "size": len(text.encode()),
        "content": base64.encodebytes(text.encode()).decode(),
    }


@router.get(f"{BASE}/readme")
def readme(hub: Hub, repo: Repo, ref: str | None = None) -> dict[str, Any]:
    """README.md, which `gh repo view` shows."""
    if not any(each.startswith("refs/heads/") for each in hub.bare.refs(repo.name)):
        raise NotFoundError("Not Found")
    return contents(hub, repo, "README.md", ref)


@router.get(f"{BASE}/git/ref/{{ref:path}}")
def git_ref(hub: Hub, repo: Repo, ref: str) -> dict[str, Any]:
    """What a ref points at."""
    sha = hub.bare.refs(repo.name).get(f"refs/{ref}")
    if sha is None:
        raise NotFoundError("Not Found")
    return {"ref": f"refs/{ref}", "object": {"type": "commit", "sha": sha}}
