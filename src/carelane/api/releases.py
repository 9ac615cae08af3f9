"""/releases: made once, from a commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from carelane.access.rights import ALL
from carelane.api.actors import Actor, Rights
from carelane.api.environments import Body
from carelane.api.limits import TEXT, Name, Reason, Whole
from carelane.bootstrap.app import App
from carelane.delivery.differences import Difference, difference
from carelane.delivery.releases import Release, WorkflowRunReference
from carelane.delivery.releasing import IMAGE_PATTERN


class BuiltByBody(Body):
    """The workflow run that a release comes from."""

    repository: Name
    run_id: Whole
    attempt: Whole
    workflow: Name
    url: Annotated[Reason, Field(min_length=1)]

    def reference(self) -> WorkflowRunReference:
        """As a release names it."""
        return WorkflowRunReference(self.repository, self.run_id, self.attempt, self.workflow, self.url)


class CreateBody(Body):
    """Which commit, and under which name (its tag, else the beginning of its SHA)."""

    commit: Name = "HEAD"
    name: Name | None = Field(None, json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$"})
    built_by: BuiltByBody | None = None
    images: dict[Name, Name] = Field(
        default_factory=dict,
        description="container images by service, each NAME@sha256:DIGEST",
        json_schema_extra={
            "propertyNames": {"minLength": 1, "maxLength": 200, "pattern": TEXT},
            "additionalProperties": {"type": "string", "maxLength": 200, "pattern": IMAGE_PATTERN},
        },
    )


@dataclass(frozen=True)
class MadeRelease(Release):
    """A release as it was made, the changed files that are not in it (not committed), and remarks."""

    uncommitted: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReleaseView(Release):
    """A release, and what its services have otherwise in an environment than usually."""

    differences: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)


def _shown(release: Release) -> ReleaseView:
    differences = {
        environment: {name: difference(release.versions[name], version) for name, version in own.items()}
        for environment, own in release.by_environment.items()
    }
    return ReleaseView(**_fields(release), differences=differences)


def _fields(release: Release) -> dict[str, Any]:
    return {field.name: getattr(release, field.name) for field in fields(release)}


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/releases", tags=["releases"])

    @router.get("", summary="Releases, newest first")
    def list_releases(limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[Release]:
        return app.repository.releases(limit)

    @router.get("/{name}", summary="One release, by name or the beginning of its commit")
    def show_release(name: Name) -> ReleaseView:
        return _shown(app.repository.release(name))

    @router.post(
        "",
        status_code=201,
        summary="Make a release; 200 where it was made before",
        responses={200: {"model": MadeRelease, "description": "It was made before"}},
    )
    def create_release(body: CreateBody, actor: Actor, rights: Rights, response: Response) -> MadeRelease:
        built_by = None if body.built_by is None else body.built_by.reference()
        owner = rights == ALL
        made = app.releasing.create(
            body.commit, body.name, actor, built_by, body.images, fenced_only=not owner
        )
        if not made.is_new:
            response.status_code = 200
        return MadeRelease(**_fields(made.release), uncommitted=made.uncommitted, remarks=made.remarks)

    return router
