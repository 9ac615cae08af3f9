"""/environments: how they are, their history, and what can be done to what moves in them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from carelane.access.rights import Right
from carelane.api import views
from carelane.api.actors import Actor, ByToken, Rights
from carelane.api.limits import Name, Number, Reason, Whole
from carelane.audit.entries import Entry
from carelane.base.clock import RealClock
from carelane.bootstrap.app import App
from carelane.delivery.decisions.commands import At
from carelane.delivery.deployments import Deployment, Kind, Revision
from carelane.delivery.operations import Operations
from carelane.delivery.requesting import Outcome, Wanted
from carelane.delivery.standings import EmergencyOutcome

Past = Annotated[list[Name], Field(max_length=100)]


class Body(BaseModel):
    """Unknown keys in a body are refused."""

    model_config = ConfigDict(extra="forbid")


class DeployBody(Body):
    """Which release, why, and by which strategy; the environment's own where none is named."""

    release: Name
    reason: Reason = ""
    strategy: Name | None = None


class PromoteBody(Body):
    """Why, whether past all canary steps that are left, and what was seen: it may have moved on since."""

    reason: Reason = ""
    full: StrictBool = False
    deployment: Whole | None = None
    step: Whole | None = None


class ReasonBody(Body):
    """Why."""

    reason: Reason = ""


class RollbackBody(Body):
    """Why, and to which revision; the last that was not undone where none is named.

    *past* names what is left knowingly: irreversible releases, and what an undo has just gone back to.
    """

    reason: Reason
    to_revision: Whole | None = None
    past: Past = Field(default_factory=list)


@dataclass(frozen=True)
class EndedView:
    """What would not end; nothing where all has."""

    still_running: list[str]


class EmergencyBody(Body):
    """Why; *past* as for a rollback."""

    reason: Reason
    past: Past = Field(default_factory=list)


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/environments", tags=["environments"])
    operations = app.operations

    @router.get("", summary="All environments at one look")
    def list_environments() -> list[views.EnvironmentView]:
        return views.environments(app, list(app.environments))

    @router.get("/{name}", summary="One environment")
    def show_environment(name: Name) -> views.EnvironmentView:
        operations.engine(name)
        return views.environments(app, [name])[0]

    @router.post("/{name}/down", summary="End all that runs in it, until a server starts anew")
    def down(name: Name, body: ReasonBody, actor: Actor) -> EndedView:
        entry = Entry(RealClock().wall(), actor, "environment.ended", name, name, body.reason)
        return EndedView(app.end_environment(name, entry))

    @router.get("/{name}/history", summary="Its revisions, newest first")
    def history(name: Name, limit: Annotated[int | None, Query(ge=1, le=1000)] = None) -> list[Revision]:
        policy = operations.engine(name).policy
        return app.repository.revisions(name, limit or policy.rollback.revision_history)

    @router.get("/{name}/plan", summary="What deploying a release would do, and the last hour's traffic")
    def plan(name: Name, release: Name, strategy: Name | None = None) -> views.PlanView:
        return views.plan(app, name, operations.plan(name, release, strategy=strategy))

    @router.get("/{name}/rollback-plan", summary="Where going back would go")
    def rollback_plan(
        name: Name,
        to_revision: Number | None = None,
        *,
        past: Annotated[Past, Query(default_factory=list)],
        emergency: bool = False,
    ) -> Outcome:
        kind = Kind.EMERGENCY if emergency else Kind.ROLLBACK
        return operations.rollback_plan(name, kind, to_revision, past=tuple(past))

    _writes(router, app.operations)
    return router


def _writes(router: APIRouter, operations: Operations) -> None:
    @router.post("/{name}/deployments", status_code=201, summary="Deploy a release")
    def deploy(name: Name, body: DeployBody, actor: Actor, by_token: ByToken, rights: Rights) -> Outcome:
        way = Wanted(body.strategy, by_token=by_token, may_weaken=Right.WEAKEN in rights)
        return operations.deploy(name, body.release, actor, body.reason, way)

    @router.post("/{name}/rollback", status_code=201, summary="Go back to an earlier revision")
    def rollback(name: Name, body: RollbackBody, actor: Actor) -> Outcome:
        return operations.rollback(name, body.to_revision, actor, body.reason, past=tuple(body.past))

    @router.post("/{name}/emergency-rollback", status_code=201, summary="Go back at once, asking no gate")
    def emergency_rollback(name: Name, body: EmergencyBody, actor: Actor) -> EmergencyOutcome:
        return operations.emergency_rollback(name, actor, body.reason, past=tuple(body.past))

    @router.post("/{name}/pause", summary="Hold the deployment under way")
    def pause(name: Name, body: ReasonBody, actor: Actor) -> Deployment:
        return operations.pause(name, actor, body.reason or "paused by hand")

    @router.post("/{name}/resume", summary="Let a held deployment go on")
    def resume(name: Name, body: ReasonBody, actor: Actor) -> Deployment:
        return operations.resume(name, actor, body.reason or "resumed by hand")

    @router.post("/{name}/abort", summary="Turn the deployment under way back")
    def abort(name: Name, body: ReasonBody, actor: Actor) -> Deployment:
        return operations.abort(name, actor, body.reason or "aborted by hand")

    @router.post("/{name}/promote", summary="Go past the canary step that waits, or past all of them")
    def promote(name: Name, body: PromoteBody, actor: Actor) -> Deployment:
        seen = At(body.deployment, body.step)
        return operations.promote(name, actor, body.reason or "promoted by hand", full=body.full, seen=seen)

    @router.post("/{name}/retry", status_code=201, summary="Deploy once more what failed")
    def retry(name: Name, actor: Actor) -> Outcome:
        return operations.retry(name, actor)
