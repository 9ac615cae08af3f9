"""What all pages have in common: templates, the visitor, refusals."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from frontend import records, settings, visits

_SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Portal:
    """What all requests of this process share."""

    settings: settings.FrontendSettings
    records: records.Records
    templates: jinja2.Environment


class Page:
    """One request to the portal."""

    def __init__(self, request: Request) -> None:
        """Answer *request*."""
        self.request = request
        self.portal: Portal = request.app.state.portal
        self.visit = visits.read(request)

    async def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - it is JSON
        """Ask the backend in the visitor's name."""
        return await self.portal.records.get(path, self.visit.session, **query)

    async def form(self) -> FormData:
        """The form that was sent.

        Raises:
            BackendError: 403, if it was not made for this visitor: another site may have sent it.
        """
        form = await self.request.form()
        if not self.visit.owns(str(form.get("form_token", "")), self.portal.settings.session_keys):
            raise records.BackendError(HTTPStatus.FORBIDDEN, "this form is too old; go back and reload it")
        return form

    def render(self, template: str, status: int = HTTPStatus.OK, **values: object) -> Response:
        """The page that *template* makes of *values*."""
        token = self.visit.form_token(self.portal.settings.session_keys[-1])
        body = self.portal.templates.get_template(template).render(
            values, form_token=token, signed_in=bool(self.visit.session), version=self.portal.settings.service.version
        )
        response = HTMLResponse(body, status, _SECURITY_HEADERS)
        if visits.VISIT_COOKIE not in self.request.cookies:
            self.remember(response, visits.VISIT_COOKIE, self.visit.identity)
        return response

    def remember(self, response: Response, name: str, value: str) -> None:
        """Set a cookie of this portal."""
        visits.remember(response, name, value, secure=self.portal.settings.secure_cookies)


PageMaker = Callable[[Page], Awaitable[Response]]


def route(path: str, make: PageMaker, method: str = "GET") -> Route:
    """A route whose refusals by the backend become pages too."""

    async def endpoint(request: Request) -> Response:
        page = Page(request)
        records.on_behalf_of.set(request.cookies.get(records.IDENTITY_COOKIE, ""))
        try:
            return await make(page)
        except records.BackendError as error:
            return refused(page, error)

    return Route(path, endpoint, methods=[method])


def refused(page: Page, error: records.BackendError) -> Response:
    """The page that says why something did not work; the sign-in where nobody is signed in."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        response.delete_cookie(visits.SESSION_COOKIE)
        return response
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("the backend failed", extra={"status": error.status, "cause": type(error.__cause__).__name__})
        error = records.BackendError(HTTPStatus.BAD_GATEWAY, error.detail)
    return page.render("refused.html", error.status, title=HTTPStatus(error.status).phrase, detail=error.detail)


def see(path: str, **query: str | int) -> Response:
    """Send the browser on to *path* after a form."""
    address = f"{path}?{urlencode(query)}" if query else path
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def load_templates() -> jinja2.Environment:
    """The templates, compiled once and escaping everything."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["clock"] = _clock
    return environment


def _clock(local: str) -> str:
    """A local time of the backend as people write it: Mon 30 Mar 2026, 09:00."""
    return datetime.fromisoformat(local).strftime("%a %-d %b %Y, %H:%M")
