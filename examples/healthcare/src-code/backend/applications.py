"""The backend, put together."""

from concurrent.futures import ThreadPoolExecutor

import fastapi

from backend import databases, people, settings
from backend.api import appointments, clinicians, health, patients, problems, requests, sessions
from service_kit import layers

PATHS = layers.Paths(version="/api/version", metrics="/metrics", health="/api/health")


def make(configured: settings.BackendSettings) -> fastapi.FastAPI:
    """The application for these settings; connects to nothing yet."""
    app = fastapi.FastAPI(title="Healthcare", docs_url="/api/docs", redoc_url=None, openapi_url="/api/openapi.json")
    app.state.clinic = requests.Clinic(
        configured,
        databases.open_engine(configured.database_url),
        people.Sessions(configured.session_keys),
        ThreadPoolExecutor(databases.CONNECTIONS, "database"),
    )
    problems.install(app)
    for module in (sessions, patients, clinicians, appointments, health):
        app.include_router(module.router)
    return app
