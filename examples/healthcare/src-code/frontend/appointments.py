"""The pages about appointments."""

import asyncio
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from frontend import pages, records


async def show_list(page: pages.Page) -> Response:
    """The coming appointments."""
    return page.render("appointments.html", appointments=await page.get("/api/appointments"))


async def choose(page: pages.Page) -> Response:
    """The form to book one: a clinician and a day first, then a free slot."""
    asked = page.request.query_params
    wanted = {name: asked.get(name, "") for name in ("patient", "clinician", "day")}
    return await _form(page, wanted, "")


async def book(page: pages.Page) -> Response:
    """Book the slot of the form."""
    form = await page.form()
    wanted = {name: str(form.get(name, "")) for name in ("patient", "clinician", "day")}
    body = {
        "patient_id": wanted["patient"],
        "clinician_id": wanted["clinician"],
        "starts_at": str(form.get("starts_at", "")),
        "reason": str(form.get("reason", "")),
    }
    try:
        await page.portal.records.post("/api/appointments", page.visit.session, body)
    except records.BackendError as error:
        if error.status not in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise
        return await _form(page, wanted, error.detail, error.status)
    return pages.see("/appointments")


async def cancel(page: pages.Page) -> Response:
    """Cancel one."""
    await page.form()
    await page.portal.records.delete(
        f"/api/appointments/{page.request.path_params['appointment_id']}", page.visit.session
    )
    return pages.see("/appointments")


async def _form(page: pages.Page, wanted: dict[str, str], message: str, status: int = HTTPStatus.OK) -> Response:
    day = _day(wanted["day"])
    clinicians, slots = await asyncio.gather(page.get("/api/clinicians"), _slots(page, wanted["clinician"], day))
    chosen = {**wanted, "day": day.isoformat()}
    return page.render("book.html", status, chosen=chosen, clinicians=clinicians, slots=slots, message=message)


async def _slots(page: pages.Page, clinician: str, day: date) -> list[dict[str, Any]]:
    if not (clinician.isascii() and clinician.isdigit()):
        return []
    slots: list[dict[str, Any]] = await page.get(f"/api/clinicians/{clinician}/slots", day=day.isoformat())
    return slots


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.today() + timedelta(days=1)  # noqa: DTZ011 - a proposal in a form; the backend knows the calendar
