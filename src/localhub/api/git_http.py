"""git over HTTP: requests handed to `git http-backend`, git's own CGI program."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from localhub.api import scopes
from localhub.api.access import Hub, UnauthorizedError, caller
from localhub.hub.tokens import Caller

router = APIRouter()
PUSH = "git-receive-pack"
PATIENCE_SECONDS = 10.0


def _who(request: Request, hub: Hub) -> Caller | None:
    try:
        return caller(request, hub)
    except UnauthorizedError:
        return None


@router.api_route("/{owner}/{name}.git/{rest:path}", methods=["GET", "POST"])
async def git(
    request: Request,
    hub: Hub,
    owner: str,
    name: str,
    rest: str,
    who: Annotated[Caller | None, Depends(_who)],
) -> Response:
    """Fetches and pushes."""
    if who is None:
        return Response("a token is needed as password", 401, {"WWW-Authenticate": 'Basic realm="localhub"'})
    repository = hub.repositories.get(f"{owner}/{name}")
    if ".." in rest.split("/"):
        return Response("no such file", 404)
    if repository is None or not who.reaches(repository.name):
        return Response("no such repository", 404)
    pushes = rest == PUSH or request.query_params.get("service") == PUSH
    who.require(scopes.CONTENTS, scopes.WRITE if pushes else scopes.READ)
    process = await _backend(request, hub, repository.name, rest, who)
    try:
        await _hand_in(request, process)
        status, headers = await _head(process)
    except BaseException:  # the client left in the middle, or we are ending
        _let_end(process)
        raise
    return StreamingResponse(_rest(process), status, headers)


async def _backend(
    request: Request, hub: Hub, repository: str, rest: str, who: Caller
) -> asyncio.subprocess.Process:
    """``git http-backend``, asked for *rest* of *repository* by *who*."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "GIT_PROJECT_ROOT": str(hub.bare.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "PATH_INFO": f"/{repository}.git/{rest}",
        "QUERY_STRING": request.url.query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_USER": who.login,
        "LOCALHUB_USER": who.login,
        "REMOTE_ADDR": "127.0.0.1",
    }
    return await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


async def _hand_in(request: Request, process: asyncio.subprocess.Process) -> None:
    """Give git what the client sends."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    with suppress(ConnectionError):  # git has read all that it wants, or has ended: its answer says which
        async for chunk in request.stream():
            if chunk:
                process.stdin.write(chunk)
                await process.stdin.drain()
    process.stdin.close()


async def _head(process: asyncio.subprocess.Process) -> tuple[int, dict[str, str]]:
    """The status and the headers of git's answer."""
    assert process.stdout is not None  # noqa: S101 - asked for above
    status, headers = 200, {}
    while line := (await process.stdout.readline()).decode().rstrip("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[key] = value.strip()
    return status, headers


async def _rest(process: asyncio.subprocess.Process):  # type: ignore[no-untyped-def]  # noqa: ANN202
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        while chunk := await process.stdout.read(1 << 16):
            yield chunk
    finally:
        _let_end(process)


_ending: set[asyncio.Task[None]] = set()


def _let_end(process: asyncio.subprocess.Process) -> None:
    """See to it that git ends, in a task of its own: a request that was cancelled may not wait any more."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    process.stdin.close()
    task = asyncio.ensure_future(_ended(process))
    _ending.add(task)
    task.add_done_callback(_ending.discard)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Git, and what it started: what it has begun to write down, as a push's hooks do, it may end."""
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
