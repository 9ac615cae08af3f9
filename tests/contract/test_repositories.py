"""The repository and the trail: in memory, and on SQLite."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from carelane.analysis.ports import TrafficStore
from carelane.delivery.decisions.draft import Decision
from carelane.delivery.deployments import Phase
from carelane.delivery.ports import AnalysisRepository, RolloutRepository
from carelane.delivery.replicas.ports import Fleets
from carelane.store.analyses import SqlAnalysisRepository
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.fleets import SqlFleets
from carelane.store.traffic import SqlTrafficStore
from carelane.store.trail import SqlTrail
from tests.contract.analysis_repository import AnalysisRepositoryContract
from tests.contract.fleets import FleetsContract
from tests.contract.rollout_repository import V1, RolloutRepositoryContract, deployment, entry, state
from tests.contract.traffic_store import TrafficStoreContract, bucket, everything, thin
from tests.contract.trail import TrailContract
from tests.fakes.fleets import InMemoryFleets
from tests.fakes.releases import MADE_AT
from tests.fakes.repository import InMemoryRepository
from tests.fakes.traffic import InMemoryTrafficStore
from tests.fakes.trail import InMemoryTrail


class InMemory:
    @pytest.fixture
    def trail(self) -> InMemoryTrail:
        return InMemoryTrail()

    @pytest.fixture
    def repository(self, trail: InMemoryTrail) -> RolloutRepository:
        return InMemoryRepository(trail)


class OnSqlite:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[sa.Engine]:
        engine = open_sqlite(tmp_path / "carelane.db")
        yield engine
        engine.dispose()

    @pytest.fixture
    def trail(self, database: sa.Engine) -> SqlTrail:
        return SqlTrail(database)

    @pytest.fixture
    def repository(self, database: sa.Engine, trail: SqlTrail) -> RolloutRepository:
        return SqlRolloutRepository(database, trail)


class TestInMemoryFleets(InMemory, FleetsContract):
    @pytest.fixture
    def fleets(self, trail: InMemoryTrail) -> Fleets:
        return InMemoryFleets(trail)


class TestSqlFleets(OnSqlite, FleetsContract):
    @pytest.fixture
    def fleets(self, database: sa.Engine, trail: SqlTrail) -> Fleets:
        return SqlFleets(database, trail)


class TestInMemoryRepository(InMemory, RolloutRepositoryContract):
    pass


class TestSqlRolloutRepository(OnSqlite, RolloutRepositoryContract):
    def test_another_server_reads_what_was_recorded(
        self, repository: RolloutRepository, tmp_path: Path
    ) -> None:
        repository.add_release(V1, entry())
        repository.commit(Decision(state(1, 1), (deployment(1),), (entry(),)))
        engine = open_sqlite(tmp_path / "carelane.db")
        trail = SqlTrail(engine)
        other = SqlRolloutRepository(engine, trail)
        assert other.snapshot("production") == repository.snapshot("production")
        assert trail.last_position() == 2
        engine.dispose()

    def test_what_another_server_records_is_seen_by_one_that_has_read_before(
        self, repository: RolloutRepository, tmp_path: Path
    ) -> None:
        engine = open_sqlite(tmp_path / "carelane.db")
        other = SqlRolloutRepository(engine, SqlTrail(engine))
        assert repository.snapshot("production").state.generation == 0
        other.add_release(V1, entry())
        other.commit(Decision(state(1, 1), (deployment(1),)))
        first = repository.snapshot("production")
        assert first.state == state(1, 1)
        assert repository.snapshot("production") is first, "what has not changed is not read again"
        for message in ("verifying", "verified"):
            other.note_timings(1, {"check": 1.5}, message)
            noted = repository.snapshot("production").deployment
            assert noted is not None
            assert (noted.timings_ms, noted.message) == ({"check": 1.5}, message)
        other.commit(Decision(state(2, 1), (deployment(1, Phase.PROGRESSING),)))
        again = repository.snapshot("production").deployment
        assert again is not None
        assert again.phase is Phase.PROGRESSING
        engine.dispose()

    def test_of_two_who_commit_at_once_one_comes_second(
        self, repository: RolloutRepository, tmp_path: Path
    ) -> None:
        engine = open_sqlite(tmp_path / "carelane.db")
        other = SqlRolloutRepository(engine, SqlTrail(engine))
        won: list[bool] = []
        gate = threading.Barrier(2)

        def commit(into: RolloutRepository) -> None:
            for generation in range(1, 11):
                gate.wait(5.0)
                won.append(into.commit(Decision(state(generation), entries=(entry(),))))

        threads = [threading.Thread(target=commit, args=(r,)) for r in (repository, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30.0)
        assert won.count(True) == 10
        assert won.count(False) == 10
        assert SqlTrail(engine).last_position() == 10
        engine.dispose()


class TestInMemoryAnalyses(InMemory, AnalysisRepositoryContract):
    @pytest.fixture
    def analyses(self, trail: InMemoryTrail) -> AnalysisRepository:
        return InMemoryRepository(trail)


class TestSqlAnalyses(OnSqlite, AnalysisRepositoryContract):
    @pytest.fixture
    def analyses(self, database: sa.Engine) -> AnalysisRepository:
        return SqlAnalysisRepository(database)


class TestInMemoryTraffic(TrafficStoreContract):
    @pytest.fixture
    def store(self) -> TrafficStore:
        return InMemoryTrafficStore()


class TestSqlTraffic(OnSqlite, TrafficStoreContract):
    @pytest.fixture
    def store(self, database: sa.Engine) -> TrafficStore:
        return SqlTrafficStore(database)

    def test_a_pass_of_thinning_takes_an_hour_at_a_time(self, store: TrafficStore) -> None:
        """So that nobody who decides meanwhile waits for it."""
        for minutes in range(0, 300, 30):
            store.add("production", bucket(minutes * 60))
        assert thin(store, MADE_AT + timedelta(days=2)) == 6
        assert thin(store, MADE_AT + timedelta(days=40)) == 6
        assert everything(store) == []


class TestInMemoryTrail(InMemory, TrailContract):
    pass


class TestSqlTrail(OnSqlite, TrailContract):
    pass
