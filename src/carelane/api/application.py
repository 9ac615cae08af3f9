"""The HTTP application, put together from one file a noun."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

import carelane
from carelane.api import (
    deployments,
    environments,
    events,
    logs,
    notifications,
    problems,
    releases,
    system,
)
from carelane.api.idempotency import IdempotencyMiddleware
from carelane.bootstrap.app import App


def create(app: App, started_at: datetime, end: Callable[[bool], None]) -> FastAPI:
    """The application over *app*; *end* ends the server."""
    application = FastAPI(
        title="Carelane",
        version=carelane.__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(application)
    application.add_middleware(IdempotencyMiddleware, app=app)
    for router in (
        system.routes(app, started_at, end),
        environments.routes(app),
        logs.routes(app),
        deployments.routes(app),
        releases.routes(app),
        events.routes(app),
        notifications.routes(app),
    ):
        application.include_router(router, prefix="/api/v1")
    return application
