"""Errors as RFC 9457 problems, with the exit code and the hint that the command line shows."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from carelane.base.errors import CarelaneError, InputError, InvariantError, NotFoundError

log = structlog.get_logger()
MOST = 2**53 - 1
"""No number here is greater: beyond it, JSON's readers do not agree which number it is."""
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong (RFC 9457), with the exit code and the hint that the command line shows."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
    exit_code: int


_CONTENT = {"application/problem+json": {"schema": Problem.model_json_schema()}}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    422: {"description": "Bad input: what is wrong with it, field by field", "content": _CONTENT},
    "default": {"description": "What went wrong, and what to try", "content": _CONTENT},
}


def document(error: CarelaneError, status: int | None = None) -> dict[str, str | int]:
    """*error* as a `Problem`."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": status or error.status,
        "detail": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }


def problem(error: CarelaneError, status: int | None = None) -> JSONResponse:
    """The HTTP form of *error*."""
    return JSONResponse(document(error, status), status or error.status, media_type=MEDIA_TYPE)


def install(application: FastAPI) -> None:
    """Have *application* answer every error as a problem, its framework's own included."""

    @application.exception_handler(CarelaneError)
    async def _ours(_: Request, error: CarelaneError) -> JSONResponse:
        return problem(error)

    @application.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        beyond = all(e.get("ctx", {}).get("le") == MOST for e in error.errors())
        return problem(InputError("; ".join(_said(e) for e in error.errors())), 400 if beyond else 422)

    @application.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return problem(NotFoundError(f"no {request.url.path}", hint="see /api/v1/openapi.json"))
        answer = problem(InputError(str(error.detail)), error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    @application.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected", path=request.url.path, exc_info=error)
        return problem(InvariantError(f"an error nobody expected: {error}", hint="the server's log has more"))


def _said(error: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"] if part not in {"body", "query", "path"})
    return f"{where or 'the body'}: {error['msg']}"
