"""What a route needs to know about its request: who asks, the database, the present."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Concatenate, ParamSpec, TypeVar

import fastapi
from sqlalchemy import Connection, Engine

from backend import databases, errors, people, settings

Given = ParamSpec("Given")
Found = TypeVar("Found")
Query = Callable[Concatenate[Connection, Given], Found]


@dataclass(frozen=True)
class Clinic:
    """What all requests of this process share."""

    settings: settings.BackendSettings
    engine: Engine
    sessions: people.Sessions
    threads: ThreadPoolExecutor

    async def read(self, query: Query[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """What *query*, a single statement, finds: without BEGIN and COMMIT it is one round trip instead of three."""

        def work() -> Found:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                return query(connection, *given, **named)

        return await self._in_thread(work)

    async def transact(self, act: Query[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """What *act* returns; all it did is committed together, or rolled back on an error."""

        def work() -> Found:
            with self.engine.begin() as connection:
                return act(connection, *given, **named)

        return await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], Found]) -> Found:
        async with asyncio.timeout(databases.ANSWER_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def now(self) -> datetime:
        """The present, aware."""
        return datetime.now(UTC)


async def _clinic(request: fastapi.Request) -> Clinic:
    clinic: Clinic = request.app.state.clinic
    return clinic


async def _person(
    request: fastapi.Request,
    clinic: Annotated[Clinic, fastapi.Depends(_clinic)],
) -> people.Person:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        message = "sign in first"
        raise errors.SignInError(message)
    return clinic.sessions.read(token.strip())


ThisClinic = Annotated[Clinic, fastapi.Depends(_clinic)]
SignedIn = Annotated[people.Person, fastapi.Depends(_person)]
Number = Annotated[int, fastapi.Path(ge=1, le=2**31 - 1)]
