"""The HTTP application, put together from one file a noun."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

import carelane
from carelane.api import (
    deployments,
    environments,
    events,
    incidents,
    logs,
    notifications,
    problems,
    releases,
    services,
    system,
    terminals,
    tokens,
)
from carelane.api.bearers import BearerMiddleware
from carelane.api.idempotency import IdempotencyMiddleware
from carelane.api.limits import LimitsMiddleware
from carelane.api.sharing import SharingMiddleware
from carelane.base.clock import RealClock
from carelane.bootstrap.app import App


def create(app: App, started_at: datetime, end: Callable[[bool], None]) -> FastAPI:
    """The application over *app*; *end* ends the server."""
    application = FastAPI(
        title="Carelane",
        version=carelane.__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=problems.DOCUMENTED,
    )
    problems.install(application)
    application.add_middleware(IdempotencyMiddleware, app=app)
    application.add_middleware(SharingMiddleware)
    application.add_middleware(LimitsMiddleware)
    application.add_middleware(BearerMiddleware, app=app, clock=RealClock())
    for router in (
        system.routes(app, started_at, end),
        environments.routes(app),
        services.routes(app),
        terminals.routes(app),
        logs.routes(app),
        deployments.routes(app),
        releases.routes(app),
        events.routes(app),
        incidents.routes(app),
        notifications.routes(app),
        tokens.routes(app, RealClock()),
    ):
        application.include_router(router, prefix="/api/v1")
    return application
