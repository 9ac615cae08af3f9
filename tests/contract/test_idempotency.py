"""Effect and answer belong together: a key is free again only where nothing was recorded."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from carelane.access.tokens import Token
from carelane.api.idempotency import IdempotencyMiddleware
from carelane.api.problems import problem
from carelane.audit.entries import Entry
from carelane.base.clock import RealClock
from carelane.base.errors import DiskFull, Rejected
from carelane.store.answers import SqlAnswers
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.tokens import SqlTokenRepository
from carelane.store.trail import SqlTrail
from tests.fakes import releases
from tests.fakes.room import FakeRoom

Act = Callable[[], JSONResponse]


@dataclass
class Server:
    """The middleware before an application that does what a test says, and counts how often."""

    answers: SqlAnswers
    act: Act
    room: FakeRoom = field(default_factory=FakeRoom)
    acted: int = 0

    def ask(self, path: str = "/api/v1/things", key: str = "k") -> tuple[int, bytes]:
        """Status and body of one POST under *key*."""
        return asyncio.run(self._ask(path, key))

    async def _ask(self, path: str, key: str) -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"idempotency-key", key.encode())],
            "client": ("uid", 0),
        }
        sent: list[Any] = []

        async def receive() -> Any:  # noqa: ANN401 - ASGI's own
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own
            sent.append(message)

        await IdempotencyMiddleware(self._inner, self)(scope, receive, send)  # type: ignore[arg-type]  # what it needs of an App
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        self.acted += 1
        answer = await asyncio.to_thread(self.act)
        await answer(scope, receive, send)


@pytest.fixture
def repository(tmp_path: Path) -> SqlRolloutRepository:
    database = open_sqlite(tmp_path / "carelane.db")
    return SqlRolloutRepository(database, SqlTrail(database))


def server(tmp_path: Path, act: Act) -> Server:
    return Server(SqlAnswers(open_sqlite(tmp_path / "carelane.db")), act)


def test_a_refusal_after_something_was_recorded_is_answered_again_and_not_done_again(
    tmp_path: Path, repository: SqlRolloutRepository
) -> None:
    def act() -> JSONResponse:
        entry = Entry(RealClock().now(), "alice", "release.created", "v1")
        repository.add_release(releases.release("v1", {}), entry)
        return problem(Rejected("NOT switched: too odd"))

    asked = server(tmp_path, act)
    first, again = asked.ask(), asked.ask()
    assert first[0] == 502
    assert first == again
    assert asked.acted == 1


def test_a_refusal_that_recorded_nothing_frees_its_key(tmp_path: Path) -> None:
    asked = server(tmp_path, lambda: problem(Rejected("no")))
    assert (asked.ask()[0], asked.ask()[0], asked.acted) == (502, 502, 2)


@pytest.mark.parametrize(
    ("path", "status", "parts"),
    [("/api/v1/environments/production/emergency-rollback", 200, 2), ("/api/v1/things", 507, 4)],
)
def test_a_key_that_cannot_be_written_takes_the_room_kept_back_in_an_emergency_alone(
    tmp_path: Path, path: str, status: int, parts: int
) -> None:
    asked = server(tmp_path, lambda: JSONResponse({}))
    claim = asked.answers.claim

    def claims(actor: str, key: str, digest: str) -> Any:  # noqa: ANN401 - as the original
        if asked.room.parts > 2:
            raise DiskFull("carelane.db cannot be written")
        return claim(actor, key, digest)

    asked.answers.claim = claims  # type: ignore[method-assign,assignment]  # as the original but for the name of one argument
    assert asked.ask(path)[0] == status
    assert asked.room.parts == parts


def test_a_database_that_has_no_room_says_so_and_what_was_asked_is_not_recorded(tmp_path: Path) -> None:
    """A page limit is a disk that is full after so many pages."""
    database = open_sqlite(tmp_path / "carelane.db")
    repository = SqlRolloutRepository(database, SqlTrail(database))
    with database.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.rollback()
        big = Entry(RealClock().now(), "alice", "release.created", "v1", reason="x" * 100_000)
        connection.close()
    with pytest.raises(DiskFull, match=r"carelane\.db cannot be written"):
        repository.add_release(releases.release("v1", {}), big)
    assert repository.releases(10) == []


def test_a_tokens_value_is_told_once_and_kept_nowhere(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "carelane.db")
    repository = SqlTokenRepository(engine, SqlTrail(engine))
    now = RealClock().now()

    def made() -> JSONResponse:
        token = Token("ci", "digest", (), (), "ada", now)
        repository.add(token, Entry(now, "ada", "token.created", "ci"))
        return JSONResponse({"name": "ci", "value": "cl_secret"}, 201)

    server = Server(SqlAnswers(engine), made)
    assert b"cl_secret" in server.ask("/api/v1/tokens")[1]
    status, said = server.ask("/api/v1/tokens")
    assert (status, server.acted) == (409, 1)
    assert b"its value was told then: it is not kept" in said
    engine.dispose()
    for path in tmp_path.iterdir():
        assert b"cl_secret" not in path.read_bytes()
