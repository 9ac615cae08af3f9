"""Appointments: who sees whom, when. A clinician is never booked twice."""

import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

import psycopg.errors
import sqlalchemy
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import ColumnElement, Connection

from backend import clinic_hours, errors, people, tables

LIST_LIMIT = 25
REMINDER_LEAD = timedelta(hours=24)


class Booking(BaseModel):
    """What somebody asks for; fields that a later version adds are ignored."""

    clinician_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    patient_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    starts_at: AwareDatetime
    minutes: Annotated[int, Field(ge=10, le=120)] = 30
    reason: Annotated[str, Field(max_length=200)] = ""


class Appointment(BaseModel):
    """An appointment; instants in UTC, and the start also as the clinic's clock shows it."""

    id: int
    clinician_id: int
    clinician: str
    patient_id: int
    patient: str
    starts_at: datetime
    ends_at: datetime
    starts_at_local: str
    time_zone: str
    reason: str


@dataclass(frozen=True)
class Filter:
    """Which appointments to list: from a moment on, of one clinician, of one patient."""

    since: datetime
    clinician_id: int | None = None
    patient_id: int | None = None


def listed(connection: Connection, wanted: Filter, zone: zoneinfo.ZoneInfo) -> list[Appointment]:
    """The appointments that stand, earliest first."""
    booked = tables.appointments.c
    conditions = [booked.cancelled_at.is_(None), booked.starts_at >= wanted.since]
    if wanted.clinician_id is not None:
        conditions.append(booked.clinician_id == wanted.clinician_id)
    if wanted.patient_id is not None:
        conditions.append(booked.patient_id == wanted.patient_id)
    return _select(connection, zone, *conditions)


def book(connection: Connection, booking: Booking, booker: people.Person, now: datetime) -> int:
    """Book an appointment and its reminder in one transaction.

    The exclusion constraint of the table is what makes a double booking impossible. Locking the
    clinician's row first only lets competitors queue instead of meeting in a deadlock.

    Returns:
        The appointment's number.

    Raises:
        NotFoundError: If there is no such clinician or patient.
        SlotTakenError: If the clinician has an appointment that overlaps.
    """
    clinicians, patients = tables.clinicians.c, tables.patients.c
    clinician = sqlalchemy.select(clinicians.id).where(clinicians.id == booking.clinician_id)
    patient = sqlalchemy.select(patients.id).where(patients.id == booking.patient_id)
    if not (connection.scalar(clinician.with_for_update(key_share=True)) and connection.scalar(patient)):
        message = "no such clinician or patient"
        raise errors.NotFoundError(message)
    row = {
        "clinician_id": booking.clinician_id,
        "patient_id": booking.patient_id,
        "starts_at": booking.starts_at,
        "ends_at": booking.starts_at + timedelta(minutes=booking.minutes),
        "reason": booking.reason,
        "booked_by": booker.username,
        "booked_at": now,
    }
    appointment_id = _insert(connection, row)
    reminder = {"appointment_id": appointment_id, "due_at": booking.starts_at - REMINDER_LEAD, "state": "pending"}
    connection.execute(sqlalchemy.insert(tables.reminders).values(reminder))
    return appointment_id


def _insert(connection: Connection, row: dict[str, object]) -> int:
    insert = sqlalchemy.insert(tables.appointments).values(row).returning(tables.appointments.c.id)
    try:
        appointment_id: int = connection.execute(insert).scalar_one()
    except sqlalchemy.exc.IntegrityError as error:
        if not isinstance(error.orig, psycopg.errors.ExclusionViolation):
            raise
        message = "the clinician has another appointment at that time"
        raise errors.SlotTakenError(message) from None
    return appointment_id


def find(connection: Connection, appointment_id: int, zone: zoneinfo.ZoneInfo) -> Appointment:
    """One appointment that stands.

    Raises:
        NotFoundError: If there is none with this number, or it was cancelled.
    """
    booked = tables.appointments.c
    found = _select(connection, zone, booked.id == appointment_id, booked.cancelled_at.is_(None))
    if not found:
        message = "no such appointment"
        raise errors.NotFoundError(message)
    return found[0]


def cancel(connection: Connection, appointment_id: int, by: people.Person, now: datetime) -> None:
    """Cancel an appointment and the reminder that was not sent yet; harmless when repeated."""
    booked, outbox = tables.appointments, tables.reminders
    connection.execute(
        sqlalchemy.update(booked)
        .where(booked.c.id == appointment_id, booked.c.cancelled_at.is_(None))
        .values(cancelled_at=now, cancelled_by=by.username)
    )
    connection.execute(
        sqlalchemy.update(outbox)
        .where(outbox.c.appointment_id == appointment_id, outbox.c.state == "pending")
        .values(state="dropped")
    )


def free_slots(connection: Connection, clinician_id: int, day: date, zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """The starts, in UTC, of the half hours of *day* in which the clinician is free."""
    starts = clinic_hours.slots(day, zone)
    if not starts:
        return []
    booked = tables.appointments.c
    query = sqlalchemy.select(booked.starts_at, booked.ends_at).where(
        booked.clinician_id == clinician_id,
        booked.cancelled_at.is_(None),
        booked.starts_at < starts[-1] + clinic_hours.SLOT,
        booked.ends_at > starts[0],
    )
    taken = connection.execute(query).all()
    return [
        at for at in starts if not any(row.starts_at < at + clinic_hours.SLOT and row.ends_at > at for row in taken)
    ]


def _select(connection: Connection, zone: zoneinfo.ZoneInfo, *conditions: ColumnElement[bool]) -> list[Appointment]:
    booked, patients, clinicians = tables.appointments, tables.patients, tables.clinicians
    query = (
        sqlalchemy.select(
            booked,
            clinicians.c.name.label("clinician"),
            (patients.c.given_name + " " + patients.c.family_name).label("patient"),
        )
        .join(clinicians, clinicians.c.id == booked.c.clinician_id)
        .join(patients, patients.c.id == booked.c.patient_id)
        .where(*conditions)
        .order_by(booked.c.starts_at, booked.c.id)
        .limit(LIST_LIMIT)
    )
    return [
        Appointment.model_validate(
            {**row, "starts_at_local": clinic_hours.local(row["starts_at"], zone).isoformat(), "time_zone": zone.key}
        )
        for row in connection.execute(query).mappings()
    ]
