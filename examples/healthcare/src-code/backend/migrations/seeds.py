"""Synthetic people for a new database: nobody here exists; numbers and addresses are reserved for fiction."""

import random
import re
import zoneinfo
from datetime import date, datetime, timedelta

import sqlalchemy
from sqlalchemy import Connection

from backend import clinic_hours, people, tables

DEMO_PASSWORD = "carelane-demo"  # noqa: S105 - for synthetic people only, and written in the README
CLINICIANS = 20
FRONT_DESK = 5
PATIENTS = 500
APPOINTMENTS = 200

_GIVEN = re.findall(
    r"\w+",
    "Ada Bruno Chiara Dario Elif Farid Greta Hugo Ines Jonas Kaya Liam Mira Noah Olga Pavel Quinn Rosa Samir Tilda "
    "Uwe Vera Wanda Xenia Yusuf Zoe",
)
_FAMILY = re.findall(
    r"\w+",
    "Abel Baumann Castro Dietz Ekberg Faber Garnier Hartwig Ilves Jansen Kowal Lindqvist Moreau Novak Okafor Petrov "
    "Quist Ricci Schuster Toivonen Ulrich Valente Weiss Xu Yilmaz Zeman",
)
_SPECIALTIES = ("General practice", "Cardiology", "Dermatology", "Paediatrics", "Orthopaedics")
_SUMMARIES = (
    "No known allergies. No regular medication.",
    "Hypertension, well controlled. Allergic to penicillin.",
    "Type 2 diabetes; next foot check is due.",
    "Asthma; spray as needed. Vaccinated against influenza.",
    "After knee surgery; physiotherapy twice a week.",
)
_REASONS = ("Check-up", "Follow-up", "New complaint", "Vaccination", "Results")


def seed_empty(connection: Connection, zone: zoneinfo.ZoneInfo, now: datetime) -> None:
    """Fill a database without users; the same people every time, appointments from *now* on."""
    if connection.scalar(sqlalchemy.select(sqlalchemy.func.count()).select_from(tables.users)):
        return
    chance = random.Random(20)
    connection.execute(sqlalchemy.insert(tables.clinicians), [_clinician(n) for n in range(1, CLINICIANS + 1)])
    connection.execute(sqlalchemy.insert(tables.users), _users())
    connection.execute(sqlalchemy.insert(tables.patients), [_patient(n, chance) for n in range(1, PATIENTS + 1)])
    booked = _appointments(clinic_hours.local(now, zone).date(), zone, now, chance)
    inserted = connection.scalars(
        sqlalchemy.insert(tables.appointments).returning(tables.appointments.c.id, sort_by_parameter_order=True), booked
    ).all()
    reminders = [
        {"appointment_id": number, "due_at": row["starts_at"] - timedelta(hours=24), "state": "pending"}
        for number, row in zip(inserted, booked, strict=True)
    ]
    connection.execute(sqlalchemy.insert(tables.reminders), reminders)


def _clinician(number: int) -> dict[str, object]:
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[(number * 7) % len(_FAMILY)]
    return {"id": number, "name": f"Dr. {given} {family}", "specialty": _SPECIALTIES[number % len(_SPECIALTIES)]}


def _users() -> list[dict[str, object]]:
    """clinician01..20, frontdesk01..05 and privacy01, all with the demo password (and so one hash)."""
    password_hash = people.hash_password(DEMO_PASSWORD)
    named: list[tuple[str, str, people.Role, int | None]] = [
        (f"clinician{n:02}", str(_clinician(n)["name"]), people.Role.CLINICIAN, n) for n in range(1, CLINICIANS + 1)
    ]
    named += [(f"frontdesk{n:02}", f"Front desk {n}", people.Role.FRONT_DESK, None) for n in range(1, FRONT_DESK + 1)]
    named.append(("privacy01", "Privacy officer", people.Role.PRIVACY_OFFICER, None))
    return [
        {"username": user, "name": name, "role": role, "clinician_id": clinician, "password_hash": password_hash}
        for user, name, role, clinician in named
    ]


def _patient(number: int, chance: random.Random) -> dict[str, object]:
    given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
    return {
        "id": number,
        "family_name": family,
        "given_name": given,
        "born_on": date(1930, 1, 1) + timedelta(days=chance.randrange(34_000)),
        "phone": f"555-01{number % 100:02}",
        "email": f"{given}.{family}.{number}@example.org".lower(),
        "clinical_summary": chance.choice(_SUMMARIES),
    }


def _appointments(
    today: date, zone: zoneinfo.ZoneInfo, now: datetime, chance: random.Random
) -> list[dict[str, datetime]]:
    starts = [
        at for day in clinic_hours.open_days(today + timedelta(days=1), 10) for at in clinic_hours.slots(day, zone)
    ]
    places = chance.sample([(clinician, at) for clinician in range(1, CLINICIANS + 1) for at in starts], APPOINTMENTS)
    rows: list[dict[str, object]] = [
        {
            "clinician_id": clinician,
            "patient_id": chance.randint(1, PATIENTS),
            "starts_at": at,
            "ends_at": at + clinic_hours.SLOT,
            "reason": chance.choice(_REASONS),
            "booked_by": f"frontdesk{chance.randint(1, FRONT_DESK):02}",
            "booked_at": now,
        }
        for clinician, at in places
    ]
    return rows  # type: ignore[return-value]  # the callers read the instants only
