"""/environments/NAME/services/SERVICE/logs: what the instances printed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import AwareDatetime

from carelane.api.limits import Name, Number
from carelane.base.errors import InputError, NotFoundError
from carelane.bootstrap.app import App
from carelane.delivery.deployments import Phase
from carelane.delivery.looking import LogLine, LogReader, LogsWanted

AGAIN_SECONDS = 0.2
MOST_LINES = 100_000
Show = Callable[[LogLine], str]


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/environments/{name}/services/{service}/logs", tags=["logs"])

    @router.get("", summary="The last lines of each instance, or of those that are named; followed if asked")
    async def logs(
        name: Name,
        service: Name,
        tail: Annotated[int | None, Query(ge=0, le=MOST_LINES)] = None,
        since: AwareDatetime | None = None,
        instance: Name | None = None,
        release: Name | None = None,
        deployment: Number | None = None,
        output: Literal["text", "json"] = "text",
        previous: bool = False,
        follow: bool = False,
        timestamps: bool = False,
    ) -> PlainTextResponse:
        app.operations.engine(name)
        if previous and follow:
            raise InputError("a run before is over: it cannot be followed", hint="leave out one of them")
        wanted = _wanted(app, name, service, instance, release, deployment, previous=previous)
        reader = app.environments[name].logs.logs(service, wanted)
        if not reader.has_any():
            raise NotFoundError(
                f"{name} has no log of {_whose(service, wanted)}{_why(app, name)}",
                hint=_known(app, name, service),
            )
        show = _as_json if output == "json" else _with_time if timestamps else _plain
        count = tail if tail is not None else MOST_LINES if since is not None else 100
        lines = await asyncio.to_thread(reader.tail, count, go_on=follow, since=since)
        if not follow:
            return PlainTextResponse(_text(lines, show))
        return StreamingResponse(  # type: ignore[return-value]
            _follow(_text(lines, show), reader, show), media_type="text/plain"
        )

    return router


def _wanted(
    app: App,
    environment: str,
    service: str,
    instance: str | None,
    release: str | None,
    deployment: int | None,
    *,
    previous: bool,
) -> LogsWanted:
    """Whose lines are meant: a release and a deployment each name a version of the service."""
    label = None
    if release is not None:
        meant = app.repository.release(release).within(environment)
        if service not in meant.versions:
            raise NotFoundError(f"{meant.name} has no {service}", hint=f"it has: {', '.join(meant.versions)}")
        label = meant.versions[service].label
    if deployment is not None:
        made = app.repository.deployment(deployment)
        if made.environment != environment:
            raise NotFoundError(f"deployment {deployment} is of {made.environment}, not of {environment}")
        if service not in made.rollouts:
            changes = ", ".join(made.rollouts) or "no service"
            raise NotFoundError(
                f"deployment {deployment} does not change {service}", hint=f"it changes: {changes}"
            )
        label = made.rollouts[service].to_label
    return LogsWanted(instance, label, deployment, previous)


def _whose(service: str, wanted: LogsWanted) -> str:
    named = [
        f"{kind} {which}"
        for kind, which in (("instance", wanted.instance), ("version", wanted.label))
        if which is not None
    ]
    of = f"{service}, {', '.join(named)}" if named else service
    return of + (" from a run before" if wanted.previous else "")


def _known(app: App, environment: str, service: str) -> str:
    """What can be read instead."""
    printing = app.environments[environment].logs.printing(service)
    if not printing:
        return "`carelane status` lists its services"
    return "there are: " + ", ".join(name + (" (ended)" if over else "") for name, over in printing.items())


def _why(app: App, environment: str) -> str:
    """What its last deployment ended with, where it failed: nothing may have run at all."""
    last = next(iter(app.repository.deployments(environment, 1)), None)
    if last is None or last.phase is not Phase.FAILED:
        return ""
    return f"; deployment {last.id} failed: {last.message}"


def _text(lines: Iterable[LogLine], show: Show) -> str:
    return "".join(show(line) + "\n" for line in lines)


def _plain(line: LogLine) -> str:
    return f"{line.instance} | {line.text}"


def _with_time(line: LogLine) -> str:
    return f"{line.instance} | {_stamp(line.at) or '-':<20} {line.text}"


def _as_json(line: LogLine) -> str:
    return json.dumps({"instance": line.instance, "at": _stamp(line.at), "text": line.text})


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


async def _follow(text: str, reader: LogReader, show: Show) -> AsyncIterator[str]:
    yield text
    while True:
        await asyncio.sleep(AGAIN_SECONDS)
        more = _text(await asyncio.to_thread(reader.more), show)
        if more:
            yield more
