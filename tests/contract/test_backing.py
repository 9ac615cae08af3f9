"""The Backing port: in memory, and as a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.platforms.processes.postgres import EmbeddedPostgres
from tests.contract.backing import BackingContract
from tests.fakes.backing import FakeBacking


class TestFakeBacking(BackingContract):
    @pytest.fixture
    def backing(self) -> FakeBacking:
        return FakeBacking()


class TestEmbeddedPostgres(BackingContract):
    @pytest.fixture
    def backing(self, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
        made = EmbeddedPostgres(tmp_path, ["database"], {})
        yield made
        made.stop_all()
        assert not made.ready() or not (tmp_path / "backing").exists()

    def test_it_outlives_who_started_it_and_is_found_again(
        self, backing: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        backing.ensure()
        other = EmbeddedPostgres(tmp_path, ["database"], {})
        assert other.ready()
        assert other.addresses() == backing.addresses()

    def test_a_stopped_one_is_not_ready_and_starts_again(self, backing: EmbeddedPostgres) -> None:
        backing.ensure()
        backing.stop_all()
        assert not backing.ready()
        backing.ensure()
        assert backing.ready()


def test_a_database_of_ones_own_is_always_ready_and_never_started(tmp_path: Path) -> None:
    backing = EmbeddedPostgres(tmp_path, ["database"], {"database": "postgresql://elsewhere/clinic"})
    backing.ensure()
    assert backing.ready()
    assert backing.addresses() == {"backing.database.url": "postgresql://elsewhere/clinic"}
    assert list(tmp_path.iterdir()) == []
