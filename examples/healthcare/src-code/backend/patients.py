"""Patient records, and the log of who read them."""

from datetime import date, datetime
from typing import Any

import sqlalchemy
from pydantic import BaseModel
from sqlalchemy import Connection

from backend import errors, people, tables

PAGE_SIZE = 25


class PatientSummary(BaseModel):
    """A patient as a list shows one."""

    id: int
    family_name: str
    given_name: str
    born_on: date


class PatientRecord(PatientSummary):
    """A patient's record; the clinical summary is for clinicians only."""

    phone: str
    email: str
    clinical_summary: str | None


class Access(BaseModel):
    """One reading of a record."""

    username: str
    role: str
    read_at: datetime


def listed(connection: Connection, search: str, offset: int) -> list[PatientSummary]:
    """A page of patients by name, those whose family name begins with *search*."""
    patients = tables.patients
    query = (
        sqlalchemy.select(patients.c.id, patients.c.family_name, patients.c.given_name, patients.c.born_on)
        .where(sqlalchemy.func.lower(patients.c.family_name).startswith(search.lower(), autoescape=True))
        .order_by(patients.c.family_name, patients.c.given_name, patients.c.id)
        .limit(PAGE_SIZE)
        .offset(offset)
    )
    return [PatientSummary.model_validate(row) for row in connection.execute(query).mappings()]


def read(connection: Connection, patient_id: int, reader: people.Person, now: datetime) -> PatientRecord:
    """The record of a patient, as much of it as *reader* may see.

    The access is logged in the same transaction: a reading that cannot be logged does not happen.

    Raises:
        NotFoundError: If there is no such patient.
    """
    patients = tables.patients
    row = connection.execute(sqlalchemy.select(patients).where(patients.c.id == patient_id)).mappings().one_or_none()
    if row is None:
        message = "no such patient"
        raise errors.NotFoundError(message)
    access = {"patient_id": patient_id, "username": reader.username, "role": reader.role.value, "read_at": now}
    connection.execute(sqlalchemy.insert(tables.record_accesses).values(access))
    seen: dict[str, Any] = dict(row)
    if reader.role is not people.Role.CLINICIAN:
        seen["clinical_summary"] = None
    return PatientRecord.model_validate(seen)


def accesses(connection: Connection, patient_id: int, limit: int) -> list[Access]:
    """Who read the record of a patient, latest first."""
    log = tables.record_accesses
    query = sqlalchemy.select(log).where(log.c.patient_id == patient_id).order_by(log.c.id.desc()).limit(limit)
    return [Access.model_validate(row) for row in connection.execute(query).mappings()]
