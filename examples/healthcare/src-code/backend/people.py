"""Who is asking: roles, passwords and signed sessions."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import argon2
import argon2.exceptions
import itsdangerous
import sqlalchemy
from sqlalchemy import Connection

from backend import errors, tables

SESSION_SECONDS = 12 * 3600

# Cheap on purpose: the demo signs thousands of users in on two cores. A real clinic
# would take the library's defaults (64 MiB, 3 passes), about twenty times the cost.
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=4 * 1024, parallelism=1)


class Role(StrEnum):
    """What somebody works as."""

    CLINICIAN = "clinician"
    FRONT_DESK = "front_desk"
    PRIVACY_OFFICER = "privacy_officer"


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    username: str
    name: str
    role: Role
    clinician_id: int | None = None

    def require(self, *roles: Role) -> None:
        """Refuse anyone whose role is not among *roles*.

        Raises:
            ForbiddenError: If it is not.
        """
        if self.role not in roles:
            message = f"this needs the role {' or '.join(role.value.replace('_', ' ') for role in roles)}"
            raise errors.ForbiddenError(message)


class Sessions:
    """Signed tokens that say who somebody is; any instance of any version with the key accepts them.

    Nothing is stored: a rollout or rollback never signs anybody out. Unknown fields are
    ignored, so a later version may add some.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Sign with the last of *keys* and accept all of them."""
        self._serializer = itsdangerous.URLSafeTimedSerializer(list(keys), salt="healthcare-session")

    def issue(self, person: Person) -> str:
        """The token for *person*."""
        told = {"u": person.username, "n": person.name, "r": person.role.value, "c": person.clinician_id}
        return self._serializer.dumps(told)

    def read(self, token: str) -> Person:
        """Whose token this is.

        Raises:
            SignInError: If it is not ours, was changed, or is older than SESSION_SECONDS.
        """
        try:
            told = self._serializer.loads(token, max_age=SESSION_SECONDS)
            return Person(told["u"], told["n"], Role(told["r"]), told["c"])
        except (itsdangerous.BadData, KeyError, TypeError, ValueError):
            message = "sign in first"
            raise errors.SignInError(message) from None


def hash_password(password: str) -> str:
    """The argon2id hash to store for *password*."""
    return _HASHER.hash(password)


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    person: Person
    password_hash: str


def find(connection: Connection, username: str) -> User | None:
    """The user with this name."""
    users = tables.users
    row = connection.execute(sqlalchemy.select(users).where(users.c.username == username)).one_or_none()
    if row is None:
        return None
    return User(Person(row.username, row.name, Role(row.role), row.clinician_id), row.password_hash)


def check_password(user: User | None, password: str) -> Person:
    """The person whom *user* names, if this is the password.

    Raises:
        SignInError: If it is not, or there is no such user; both take the same time and say the same.
    """
    try:
        _HASHER.verify(user.password_hash if user else _hash_of_nobody(), password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        user = None
    if user is None:
        message = "user name and password do not belong together"
        raise errors.SignInError(message)
    return user.person


@cache
def _hash_of_nobody() -> str:
    return _HASHER.hash("nobody has this password")
