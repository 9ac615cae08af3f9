"""Patients over HTTP."""

from typing import Annotated

import fastapi

from backend import patients, people
from backend.api.requests import Number, SignedIn, ThisClinic

router = fastapi.APIRouter(prefix="/api/patients")


@router.get("")
async def list_patients(
    person: SignedIn,
    clinic: ThisClinic,
    search: Annotated[str, fastapi.Query(max_length=80)] = "",
    offset: Annotated[int, fastapi.Query(ge=0, le=100_000)] = 0,
) -> list[patients.PatientSummary]:
    """A page of patients by name."""
    person.require(people.Role.CLINICIAN, people.Role.FRONT_DESK)
    return await clinic.read(patients.listed, search, offset)


@router.get("/{patient_id}")
async def read_patient(patient_id: Number, person: SignedIn, clinic: ThisClinic) -> patients.PatientRecord:
    """One record; the reading is logged."""
    person.require(people.Role.CLINICIAN, people.Role.FRONT_DESK)
    return await clinic.transact(patients.read, patient_id, person, clinic.now())


@router.get("/{patient_id}/accesses")
async def list_accesses(
    patient_id: Number,
    person: SignedIn,
    clinic: ThisClinic,
    limit: Annotated[int, fastapi.Query(ge=1, le=1000)] = 100,
) -> list[patients.Access]:
    """Who read a record: for the privacy officer, who cannot read records."""
    person.require(people.Role.PRIVACY_OFFICER)
    return await clinic.read(patients.accesses, patient_id, limit)
