"""Signing in and out."""

from http import HTTPStatus

from starlette.responses import Response

from frontend import pages, records, visits


async def show(page: pages.Page) -> Response:
    """The form."""
    return page.render("sign_in.html", message="")


async def submit(page: pages.Page) -> Response:
    """Sign in with the form's name and password."""
    form = await page.form()
    credentials = {name: str(form.get(name, "")) for name in ("username", "password")}
    try:
        session = await page.portal.records.post("/api/sessions", "", credentials)
    except records.BackendError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        message = "User name and password do not belong together."
        return page.render("sign_in.html", HTTPStatus.UNAUTHORIZED, message=message)
    response = pages.see("/patients")
    page.remember(response, visits.SESSION_COOKIE, session["token"])
    return response


async def leave(page: pages.Page) -> Response:
    """Sign out."""
    await page.form()
    response = pages.see("/sign-in")
    response.delete_cookie(visits.SESSION_COOKIE)
    return response
