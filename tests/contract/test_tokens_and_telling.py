"""The TokenRepository and Queue ports: in memory, and on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from carelane.access.ports import TokenRepository
from carelane.audit.ports import Queue
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.notifications import SqlNotificationQueue
from carelane.store.tokens import SqlTokenRepository
from carelane.store.trail import SqlTrail
from tests.contract.notification_queue import Happens, QueueContract, entry
from tests.contract.tokens import TokenRepositoryContract
from tests.fakes.telling import InMemoryQueue
from tests.fakes.tokens import InMemoryTokens
from tests.fakes.trail import InMemoryTrail


class InMemory:
    @pytest.fixture
    def trail(self) -> InMemoryTrail:
        return InMemoryTrail()


class OnSqlite:
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[sa.Engine]:
        engine = open_sqlite(tmp_path / "carelane.db")
        yield engine
        engine.dispose()

    @pytest.fixture
    def trail(self, engine: sa.Engine) -> SqlTrail:
        return SqlTrail(engine)


class TestInMemoryTokens(InMemory, TokenRepositoryContract):
    @pytest.fixture
    def repository(self, trail: InMemoryTrail) -> TokenRepository:
        return InMemoryTokens(trail)


class TestSqlTokenRepository(OnSqlite, TokenRepositoryContract):
    @pytest.fixture
    def repository(self, engine: sa.Engine, trail: SqlTrail) -> TokenRepository:
        return SqlTokenRepository(engine, trail)


class TestInMemoryQueue(InMemory, QueueContract):
    @pytest.fixture
    def happens(self, trail: InMemoryTrail) -> Happens:
        return lambda subject: trail.append((entry(subject),))

    @pytest.fixture
    def queue(self, trail: InMemoryTrail) -> Queue:
        return InMemoryQueue(trail)

    @pytest.fixture
    def again(self, queue: Queue) -> Queue:
        return queue


class TestSqlNotificationQueue(OnSqlite, QueueContract):
    @pytest.fixture
    def happens(self, engine: sa.Engine, trail: SqlTrail) -> Happens:
        repository = SqlRolloutRepository(engine, trail)
        return lambda subject: repository.record(entry(subject))

    @pytest.fixture
    def queue(self, engine: sa.Engine, trail: SqlTrail) -> Queue:
        return SqlNotificationQueue(engine, trail)

    @pytest.fixture
    def again(self, queue: Queue, engine: sa.Engine) -> Queue:
        return SqlNotificationQueue(engine, SqlTrail(engine))
