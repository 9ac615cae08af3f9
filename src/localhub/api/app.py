"""The API as one application."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from localhub.api import (
    environments,
    files,
    git_http,
    jobs,
    machine,
    pulls,
    repositories,
    runs,
    variables,
    workflows,
)
from localhub.api.graphql import answers
from localhub.base.errors import LocalhubError
from localhub.hub.parts import Localhub
from localhub.runs.ports import StoreUnavailableError


class _Prefixes:
    """The same API below /api/v3, where GitHub Enterprise has it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"%00" in scope.get("raw_path", b"") + scope["query_string"]):
            words = {"message": "Invalid request: no address has a NUL in it", "status": "422"}
            await JSONResponse(words, 422)(scope, receive, send)
            return
        if scope["type"] == "http":
            for prefix, instead in (("/api/v3/", "/"), ("/api/graphql", "/graphql")):
                if scope["path"].startswith(prefix):
                    scope = {**scope, "path": instead + scope["path"].removeprefix(prefix)}
        await self._app(scope, receive, send)


def application(localhub: Localhub) -> ASGIApp:
    """The API of one localhub."""
    app = FastAPI(title="localhub", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.localhub = localhub
    for module in (
        git_http,
        runs,
        jobs,
        workflows,
        files,
        environments,
        variables,
        machine,
        pulls,
        repositories,
        answers,
    ):
        app.include_router(module.router)

    @app.exception_handler(LocalhubError)
    async def _refused(_request: Request, problem: LocalhubError) -> JSONResponse:
        words = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
        status = 422 if problem.status == 400 else problem.status
        return JSONResponse({"message": words, "status": str(status), "hint": problem.hint}, status)

    @app.exception_handler(OverflowError)
    @app.exception_handler(UnicodeError)
    async def _nonsense(_request: Request, problem: Exception) -> JSONResponse:
        """Numbers that no database has, and text that is none: whoever sent it is told so."""
        return JSONResponse({"message": f"Invalid request: {problem}", "status": "422"}, 422)

    @app.exception_handler(StoreUnavailableError)
    async def _later(_request: Request, problem: StoreUnavailableError) -> JSONResponse:
        words = f"localhub's store fails for now: {problem}"
        return JSONResponse({"message": words, "status": "503"}, 503, headers={"Retry-After": "1"})

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, problem: RequestValidationError) -> JSONResponse:
        errors = [
            {"field": ".".join(map(str, each["loc"][1:])), "message": each["msg"]}
            for each in problem.errors()
        ]
        words = "; ".join(f"{each['field']}: {each['message']}" for each in errors)
        return JSONResponse({"message": f"Invalid request: {words}", "errors": errors, "status": "422"}, 422)

    @app.exception_handler(HTTPException)
    async def _not_here(request: Request, problem: HTTPException) -> JSONResponse:
        words = f"{problem.detail}: localhub does not answer {request.method} {request.url.path}"
        status = problem.status_code
        return JSONResponse({"message": words, "status": str(status)}, status, headers=problem.headers)

    return _Prefixes(app)
