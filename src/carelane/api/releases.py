"""/releases: made once, from a commit."""

from dataclasses import dataclass, fields
from typing import Annotated

from fastapi import APIRouter, Query, Response

from carelane.access.rights import ALL
from carelane.api.actors import Actor, Rights
from carelane.api.environments import Body
from carelane.api.limits import Name
from carelane.bootstrap.app import App
from carelane.delivery.releases import Release, WorkflowRunReference


class CreateBody(Body):
    """Which commit, and under which name (its tag, else the beginning of its SHA)."""

    commit: Name = "HEAD"
    name: Name | None = None
    built_by: WorkflowRunReference | None = None


@dataclass(frozen=True)
class MadeRelease(Release):
    """A release as it was made, the changed files that are not in it (not committed), and remarks."""

    uncommitted: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/releases", tags=["releases"])

    @router.get("", summary="Releases, newest first")
    def list_releases(limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[Release]:
        return app.repository.releases(limit)

    @router.get("/{name}", summary="One release, by name or the beginning of its commit")
    def show_release(name: str) -> Release:
        return app.repository.release(name)

    @router.post("", status_code=201, summary="Make a release; 200 where it was made before")
    def create_release(body: CreateBody, actor: Actor, rights: Rights, response: Response) -> MadeRelease:
        owner = rights == ALL
        made = app.releasing.create(body.commit, body.name, actor, body.built_by, fenced_only=not owner)
        if not made.is_new:
            response.status_code = 200
        known = {field.name: getattr(made.release, field.name) for field in fields(made.release)}
        return MadeRelease(**known, uncommitted=made.uncommitted, remarks=made.remarks)

    return router
