"""Appointments over HTTP."""

from datetime import timedelta
from typing import Annotated

import fastapi

from backend import appointments, clinic_hours, errors, people
from backend.api.requests import SignedIn, ThisClinic

router = fastapi.APIRouter(prefix="/api/appointments")

OptionalNumber = Annotated[int | None, fastapi.Query(ge=1, le=2**31 - 1)]
AppointmentNumber = Annotated[int, fastapi.Path(ge=1, le=2**63 - 1)]


@router.get("")
async def list_appointments(
    person: SignedIn,
    clinic: ThisClinic,
    clinician_id: OptionalNumber = None,
    patient_id: OptionalNumber = None,
) -> list[appointments.Appointment]:
    """Coming appointments; a clinician sees their own, and those of a patient they ask for."""
    person.require(people.Role.CLINICIAN, people.Role.FRONT_DESK)
    if person.role is people.Role.CLINICIAN and patient_id is None:
        clinician_id = person.clinician_id
    wanted = appointments.Filter(clinic.now(), clinician_id, patient_id)
    return await clinic.read(appointments.listed, wanted, clinic.settings.time_zone)


@router.post("", status_code=201)
async def book_appointment(
    booking: appointments.Booking, person: SignedIn, clinic: ThisClinic
) -> appointments.Appointment:
    """Book an appointment; the front desk for anybody, a clinician for themselves."""
    _require_calendar_of(person, booking.clinician_id)
    now, zone = clinic.now(), clinic.settings.time_zone
    clinic_hours.check_fits(booking.starts_at, booking.starts_at + timedelta(minutes=booking.minutes), now, zone)
    appointment_id = await clinic.transact(appointments.book, booking, person, now)
    return await clinic.read(appointments.find, appointment_id, zone)


@router.delete("/{appointment_id}", status_code=204)
async def cancel_appointment(appointment_id: AppointmentNumber, person: SignedIn, clinic: ThisClinic) -> None:
    """Cancel an appointment that stands."""
    found = await clinic.read(appointments.find, appointment_id, clinic.settings.time_zone)
    _require_calendar_of(person, found.clinician_id)
    await clinic.transact(appointments.cancel, appointment_id, person, clinic.now())


def _require_calendar_of(person: people.Person, clinician_id: int) -> None:
    person.require(people.Role.CLINICIAN, people.Role.FRONT_DESK)
    if person.role is people.Role.CLINICIAN and person.clinician_id != clinician_id:
        message = "clinicians keep their own calendar only; the front desk keeps all of them"
        raise errors.ForbiddenError(message)
