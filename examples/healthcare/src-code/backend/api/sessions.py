"""Signing in."""

import asyncio
from typing import Annotated

import fastapi
from pydantic import BaseModel, Field

from backend import people
from backend.api.requests import SignedIn, ThisClinic

router = fastapi.APIRouter(prefix="/api/sessions")


class Credentials(BaseModel):
    """A user name and its password."""

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Session(BaseModel):
    """Who is signed in; the token goes into ``Authorization: Bearer``."""

    token: str
    username: str
    name: str
    role: str
    clinician_id: int | None


@router.post("", status_code=201)
async def sign_in(credentials: Credentials, clinic: ThisClinic) -> Session:
    """Sign in and get a token."""
    user = await clinic.read(people.find, credentials.username)
    # Hashing takes milliseconds on purpose, and lets go of the interpreter while it does.
    person = await asyncio.to_thread(people.check_password, user, credentials.password)
    return _session(person, clinic.sessions.issue(person))


@router.get("/current")
async def current(person: SignedIn) -> dict[str, str | int | None]:
    """Who the token belongs to."""
    return {key: value for key, value in _session(person, "").model_dump().items() if key != "token"}


def _session(person: people.Person, token: str) -> Session:
    return Session(
        token=token,
        username=person.username,
        name=person.name,
        role=person.role.value,
        clinician_id=person.clinician_id,
    )
