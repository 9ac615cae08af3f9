"""Every refusal in one form: RFC 9457 problems, which never repeat what was sent."""

import logging
from http import HTTPStatus

import fastapi
import sqlalchemy.exc
import starlette.exceptions
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from backend import errors
from service_kit import logs

_log = logging.getLogger(__name__)


def problem(status: int, detail: str) -> JSONResponse:
    """The answer that refuses a request because of *detail*."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: fastapi.FastAPI) -> None:
    """Let *app* answer every error as a problem."""
    app.add_exception_handler(errors.ClinicError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(starlette.exceptions.HTTPException, _http)
    app.add_exception_handler(sqlalchemy.exc.OperationalError, _no_database)
    app.add_exception_handler(sqlalchemy.exc.TimeoutError, _no_database)
    app.add_exception_handler(TimeoutError, _no_database)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: fastapi.Request, error: Exception) -> JSONResponse:
    return problem(getattr(error, "status", HTTPStatus.BAD_REQUEST), str(error))


async def _invalid(_: fastapi.Request, error: Exception) -> JSONResponse:
    details = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}" for detail in details)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, told)


async def _http(_: fastapi.Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, starlette.exceptions.HTTPException) else 500
    return problem(status, HTTPStatus(status).phrase)


async def _no_database(_: fastapi.Request, error: Exception) -> JSONResponse:
    _log.error("database unavailable", extra={"error": logs.describe(error)})
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the records are unavailable for the moment")


async def _unexpected(_: fastapi.Request, __: Exception) -> JSONResponse:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on our side")
