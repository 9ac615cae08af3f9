"""/system: the server itself."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from pydantic import StrictBool

import carelane
from carelane.api.actors import Actor
from carelane.api.environments import Body, ReasonBody
from carelane.api.limits import Name, Reason
from carelane.base.loops import Failing
from carelane.bootstrap.app import App
from carelane.bootstrap.reloading import Differences
from carelane.delivery.retention import Spare


class DownBody(Body):
    """Whether what runs goes on running without the server."""

    keep_running: StrictBool = False


class ReloadBody(Body):
    """Why, and the digest of the file that was looked at: it may have changed since."""

    reason: Reason = ""
    seen: Name | None = None


@dataclass(frozen=True)
class SystemView:
    """Which server answers, and which of its parts do not do their work; none where all is well."""

    system: str
    version: str
    pid: int
    started_at: datetime
    failing: list[Failing]


def routes(app: App, started_at: datetime, end: Callable[[bool], None]) -> APIRouter:
    """The routes of this noun; *end* is called with whether to keep things running."""
    router = APIRouter(prefix="/system", tags=["system"])

    @router.get("", summary="Which server answers")
    def show_system() -> SystemView:
        name = app.configuration.system
        return SystemView(name, carelane.__version__, os.getpid(), started_at, app.failing())

    @router.get("/differences", summary="What carelane.yaml says otherwise than the server uses")
    def show_differences() -> Differences:
        return app.reloading.differences()

    @router.post("/reload", summary="Bring into force what carelane.yaml says and needs no restart")
    def reload(body: ReloadBody, actor: Actor) -> Differences:
        return app.reloading.reload(actor, body.reason, body.seen)

    @router.get("/spare", summary="What nobody needs any more, and a prune would remove")
    def show_spare() -> list[Spare]:
        return app.housekeeping.spare()

    @router.post("/prune", summary="Remove what nobody needs any more")
    def prune(body: ReasonBody, actor: Actor) -> list[Spare]:
        return app.housekeeping.prune(actor, body.reason)

    @router.post("/down", status_code=202, summary="End the server and, unless kept, what it runs")
    def down(body: DownBody, actor: Actor) -> dict[str, str]:
        end(body.keep_running)
        return {"message": f"going down for {actor}"}

    return router
