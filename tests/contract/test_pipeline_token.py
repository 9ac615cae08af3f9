"""The token of localhub's jobs is made anew where it is good no more, whatever became of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carelane.access.tokens import Token, digest
from carelane.audit.entries import Entry
from carelane.bootstrap import pipeline_token
from carelane.store.database import open_sqlite
from carelane.store.tokens import SqlTokenRepository
from carelane.store.trail import SqlTrail

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
STAGING = ("staging",)


@dataclass
class Start:
    """A server that starts on the same state again and again."""

    tokens: SqlTokenRepository
    noted: Path

    def __call__(self, now: datetime = NOW, *, killed: bool = False) -> str | None:
        value = pipeline_token.renewed(self.tokens, self.noted, STAGING, now)
        if value is not None and not killed:
            pipeline_token.given(self.noted, value)
        return value

    def valid(self, value: str | None, now: datetime = NOW) -> bool:
        found = None if value is None else self.tokens.by_digest(digest(value))
        return found is not None and found.valid(now)

    def by_hand(self, name: str, days: float | None = None) -> Token:
        expires = None if days is None else NOW + timedelta(days=days)
        token = Token(name, digest(f"{name} by hand"), STAGING, (), "ada", NOW, expires)
        self.tokens.add(token, Entry(NOW, "ada", "token.created", name))
        return token

    def revoke(self, name: str) -> None:
        self.tokens.revoke(name, NOW, Entry(NOW, "ada", "token.revoked", name))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    engine = open_sqlite(tmp_path / "carelane.db")
    yield Start(SqlTokenRepository(engine, SqlTrail(engine)), tmp_path / "pipeline-token.json")
    engine.dispose()


def test_one_that_is_good_is_kept(start: Start) -> None:
    assert start.valid(start())
    assert start() is None


def test_one_that_was_revoked_is_made_anew(start: Start) -> None:
    start()
    start.revoke("pipeline")
    assert start.valid(start())


def test_one_that_was_revoked_and_made_anew_by_hand_is_a_persons(start: Start) -> None:
    """Jobs do not have its value: they get one of their own, and the person keeps theirs."""
    start()
    start.revoke("pipeline")
    theirs = start.by_hand("pipeline")
    assert start.valid(start())
    assert start() is None
    assert replace(theirs) in start.tokens.tokens()


def test_one_that_was_made_by_hand_and_has_expired_keeps_no_server_from_starting(start: Start) -> None:
    start()
    start.revoke("pipeline")
    start.by_hand("pipeline", days=1)
    assert start.valid(start(LATER), LATER)


def test_one_that_jobs_never_got_is_made_anew(start: Start) -> None:
    lost = start(killed=True)
    assert start.valid(start())
    assert not start.valid(lost), "nobody has its value"


def test_one_of_an_earlier_version_is_known_by_who_made_it(start: Start) -> None:
    value = start()
    start.noted.unlink()
    assert start() is None
    assert start.valid(value)
