"""The pages about patients."""

import asyncio

from starlette.responses import Response

from frontend import pages

_PAGE_SIZE = 25


async def show_list(page: pages.Page) -> Response:
    """Patients by name, a page at a time."""
    search = page.request.query_params.get("search", "")[:80]
    offset = _number(page.request.query_params.get("offset", "0"))
    patients = await page.get("/api/patients", search=search, offset=offset)
    later = offset + _PAGE_SIZE if len(patients) == _PAGE_SIZE else None
    earlier = max(offset - _PAGE_SIZE, 0) if offset else None
    return page.render("patients.html", patients=patients, search=search, earlier=earlier, later=later)


async def show_one(page: pages.Page) -> Response:
    """A patient's record and coming appointments."""
    number: int = page.request.path_params["patient_id"]
    patient, appointments = await asyncio.gather(
        page.get(f"/api/patients/{number}"), page.get("/api/appointments", patient_id=number)
    )
    return page.render("patient.html", patient=patient, appointments=appointments)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("100000") else 0
