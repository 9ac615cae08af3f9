"""Clinicians and their free slots over HTTP."""

from datetime import date, datetime

import fastapi
import sqlalchemy
from pydantic import BaseModel
from sqlalchemy import Connection

from backend import appointments, clinic_hours, tables
from backend.api.requests import Number, SignedIn, ThisClinic

router = fastapi.APIRouter(prefix="/api/clinicians")


class Clinician(BaseModel):
    """Somebody who sees patients."""

    id: int
    name: str
    specialty: str


class Slot(BaseModel):
    """A free half hour: the instant, and the clinic's clock."""

    starts_at: datetime
    starts_at_local: str


@router.get("")
async def list_clinicians(_: SignedIn, clinic: ThisClinic) -> list[Clinician]:
    """All clinicians by name."""
    return await clinic.read(_by_name)


@router.get("/{clinician_id}/slots")
async def list_free_slots(clinician_id: Number, day: date, _: SignedIn, clinic: ThisClinic) -> list[Slot]:
    """The free half hours of a clinician on a day of the clinic's calendar that lie ahead."""
    zone = clinic.settings.time_zone
    free = await clinic.read(appointments.free_slots, clinician_id, day, zone)
    ahead = (at for at in free if at > clinic.now())
    return [Slot(starts_at=at, starts_at_local=clinic_hours.local(at, zone).isoformat()) for at in ahead]


def _by_name(connection: Connection) -> list[Clinician]:
    query = sqlalchemy.select(tables.clinicians).order_by(tables.clinicians.c.name)
    return [Clinician.model_validate(row) for row in connection.execute(query).mappings()]
