"""Artifacts and caches."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from localhub.api import downloads
from localhub.api.access import BASE, Hub, Paging, Repo
from localhub.api.runs import RUNS, found
from localhub.base.errors import NotFoundError
from localhub.hub import forms
from localhub.hub.parts import Localhub
from localhub.store.files import Artifact, CacheEntry
from localhub.store.records import Repository

router = APIRouter()
ACTIONS = f"{BASE}/actions"


def _artifact(hub: Localhub, repo: Repository, artifact_id: int) -> Artifact:
    for each in hub.files.artifacts(repo.name):
        if each.id == artifact_id:
            return each
    raise NotFoundError(f"{repo.name} has no artifact {artifact_id}")


def _listing(artifacts: list[Artifact], page: Any) -> dict[str, Any]:
    rows = [forms.artifact(each) for each in page.of(artifacts)]
    return {"total_count": len(artifacts), "artifacts": rows}


@router.get(f"{RUNS}/{{run_id}}/artifacts")
def list_run_artifacts(
    hub: Hub, repo: Repo, run_id: int, page: Paging, name: str | None = None
) -> dict[str, Any]:
    """The artifacts of a run."""
    kept = hub.files.artifacts(repo.name, run_id=found(hub, repo, run_id).id)
    return _listing([each for each in kept if name in {None, each.name}], page)


@router.get(f"{ACTIONS}/artifacts")
def list_artifacts(hub: Hub, repo: Repo, page: Paging, name: str | None = None) -> dict[str, Any]:
    """All artifacts of a repository."""
    return _listing([each for each in hub.files.artifacts(repo.name) if name in {None, each.name}], page)


@router.get(f"{ACTIONS}/artifacts/{{artifact_id}}")
def get_artifact(hub: Hub, repo: Repo, artifact_id: int) -> dict[str, Any]:
    """One artifact."""
    return forms.artifact(_artifact(hub, repo, artifact_id))


@router.get(f"{ACTIONS}/artifacts/{{artifact_id}}/zip")
def download(hub: Hub, repo: Repo, artifact_id: int) -> Response:
    """An artifact's files in one ZIP."""
    artifact = _artifact(hub, repo, artifact_id)
    return downloads.archive(hub.files.artifact_zip(artifact))


@router.delete(f"{ACTIONS}/artifacts/{{artifact_id}}", status_code=204)
def delete_artifact(hub: Hub, repo: Repo, artifact_id: int) -> Response:
    """Forgets an artifact."""
    hub.files.delete_artifact(_artifact(hub, repo, artifact_id))
    return Response(status_code=204)


@router.get(f"{ACTIONS}/caches")
def list_caches(
    hub: Hub,
    repo: Repo,
    page: Paging,
    key: str | None = None,
    ref: str | None = None,
    sort: Annotated[str, Query(pattern="created_at|last_accessed_at|size_in_bytes")] = "last_accessed_at",
    direction: Annotated[str, Query(pattern="asc|desc")] = "desc",
) -> dict[str, Any]:
    """Caches of a repository."""
    order = {"created_at": "created_at", "last_accessed_at": "used_at", "size_in_bytes": "size_bytes"}[sort]
    entries = [each for each in hub.files.caches(repo.name) if _fits(each, key, ref)]
    entries.sort(key=lambda each: getattr(each, order), reverse=direction == "desc")
    return {"total_count": len(entries), "actions_caches": [forms.cache(each) for each in page.of(entries)]}


def _fits(entry: CacheEntry, key: str | None, ref: str | None) -> bool:
    return (key is None or entry.key.startswith(key)) and ref in {None, entry.ref}


@router.get(f"{ACTIONS}/cache/usage")
def cache_usage(hub: Hub, repo: Repo) -> dict[str, Any]:
    """How much the caches take."""
    entries = hub.files.caches(repo.name)
    return {
        "full_name": repo.name,
        "active_caches_count": len(entries),
        "active_caches_size_in_bytes": sum(each.size_bytes for each in entries),
    }


@router.delete(f"{ACTIONS}/caches/{{cache_id}}", status_code=204)
def delete_cache(hub: Hub, repo: Repo, cache_id: int) -> Response:
    """Forgets a cache."""
    for each in hub.files.caches(repo.name):
        if each.id == cache_id:
            hub.files.delete_cache(each)
            return Response(status_code=204)
    raise NotFoundError(f"{repo.name} has no cache {cache_id}")


@router.delete(f"{ACTIONS}/caches")
def delete_caches(hub: Hub, repo: Repo, key: str, ref: str | None = None) -> dict[str, Any]:
    """Forgets the caches with this very key."""
    gone = [each for each in hub.files.caches(repo.name) if each.key == key and ref in {None, each.ref}]
    if not gone:
        raise NotFoundError(f"{repo.name} has no cache {key!r}")
    for each in gone:
        hub.files.delete_cache(each)
    return {"total_count": len(gone), "actions_caches": [forms.cache(each) for each in gone]}
