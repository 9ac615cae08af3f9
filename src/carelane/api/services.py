"""/environments/NAME/services and /instances: what runs, looked at and handled without another version."""

import asyncio
import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from carelane.api import described
from carelane.api.actors import Actor
from carelane.api.environments import Body, ReasonBody
from carelane.api.limits import TEXT, Name, Reason
from carelane.audit.entries import Detail, Entry
from carelane.base.clock import RealClock
from carelane.base.errors import ConflictError
from carelane.bootstrap.app import App
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.looking import Details, Ran

MOST_AT_ONCE = 16
"""Commands that run beside instances and are waited for."""
MOST_RECORDED = 500
"""Characters of a command, in the trail."""

Word = Annotated[str, Field(min_length=1, max_length=4096, pattern=TEXT)]


class ScaleBody(Body):
    """How many; null is what carelane.yaml says."""

    replicas: Annotated[int, Field(ge=1, le=100)] | None = None
    reason: Reason = ""


class ExecBody(Body):
    """The command, as a list, and how long it may take."""

    command: Annotated[list[Word], Field(min_length=1, max_length=256)]
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0


def recorded(
    app: App, name: str, instance: str, command: tuple[str, ...], actor: str, **how: Detail
) -> Details:
    """Who runs *command* beside *instance* of environment *name*, once it is in the trail that it is run.

    Raises:
        ConflictError: If that does not run: then nothing is recorded.
    """
    details = app.environments[name].details
    details.may_run(instance)
    said = shlex.join(command)[:MOST_RECORDED]
    app.repository.record(Entry(RealClock().wall(), actor, "instance.executed", instance, name, said, how))
    return details


def routes(app: App) -> APIRouter:
    """The routes of these nouns."""
    router = APIRouter(prefix="/environments/{name}", tags=["services"])
    operations = app.operations
    # Of their own: what waits for a command takes none of the threads that all requests share.
    threads = ThreadPoolExecutor(MOST_AT_ONCE, "exec")
    free = threading.BoundedSemaphore(MOST_AT_ONCE)

    @router.get("/instances/{instance}", summary="One instance: its ends, its probe now, its memory")
    def describe(name: Name, instance: Name) -> described.InstanceDescription:
        operations.engine(name)
        return described.instance(app, name, instance)

    @router.post("/instances/{instance}/exec", summary="Run a command beside an instance, as its user")
    async def execute(name: Name, instance: Name, body: ExecBody, actor: Actor) -> Ran:
        operations.engine(name)
        command = tuple(body.command)

        def executed() -> Ran:
            return recorded(app, name, instance, command, actor).run(instance, command, body.timeout_seconds)

        if not free.acquire(blocking=False):
            raise ConflictError(
                f"{MOST_AT_ONCE} commands run beside instances already",
                hint="wait for one of them; `carelane exec -i` has a terminal of its own",
            )
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, executed)
        finally:
            free.release()

    @router.post("/services/{service}/scale", summary="So many instances, until the next deployment")
    def scale(name: Name, service: Name, body: ScaleBody, actor: Actor) -> EnvironmentState:
        return operations.scale(name, service, body.replicas, actor, body.reason)

    @router.post("/services/{service}/restart", summary="Renew its instances, one after the other")
    def restart(name: Name, service: Name, body: ReasonBody, actor: Actor) -> EnvironmentState:
        return operations.restart(name, service, actor, body.reason)

    return router
