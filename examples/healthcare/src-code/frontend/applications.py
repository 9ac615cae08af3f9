"""The frontend, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from frontend import appointments, pages, patients, records, settings, sign_in
from service_kit import layers

PATHS = layers.Paths(version="/version", metrics="/frontend/metrics")


def make(configured: settings.FrontendSettings) -> Starlette:
    """The application for these settings; connects to nothing yet."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        client = records.Records(configured.backend_url)
        app.state.portal = pages.Portal(configured, client, pages.load_templates())
        yield
        await client.close()

    routes = [
        pages.route("/", _home),
        pages.route("/sign-in", sign_in.show),
        pages.route("/sign-in", sign_in.submit, "POST"),
        pages.route("/sign-out", sign_in.leave, "POST"),
        pages.route("/patients", patients.show_list),
        pages.route("/patients/{patient_id:int}", patients.show_one),
        pages.route("/appointments", appointments.show_list),
        pages.route("/appointments", appointments.book, "POST"),
        pages.route("/appointments/new", appointments.choose),
        pages.route("/appointments/{appointment_id:int}/cancel", appointments.cancel, "POST"),
        Mount("/assets", StaticFiles(directory=Path(__file__).parent / "assets")),
    ]
    handlers = {HTTPStatus.NOT_FOUND.value: _not_found, Exception: _unexpected}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


async def _home(page: pages.Page) -> Response:
    return pages.see("/patients" if page.visit.session else "/sign-in")


async def _not_found(request: Request, _: Exception) -> Response:
    return pages.refused(pages.Page(request), records.BackendError(404, "there is no such page"))


async def _unexpected(request: Request, _: Exception) -> Response:
    page = pages.Page(request)
    return page.render("refused.html", 500, title="Internal Server Error", detail="something went wrong on our side")
