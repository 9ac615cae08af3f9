"""The Backing port: in memory, and as a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.delivery.releases import SecretReference
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

    def test_the_folders_above_its_data_are_no_more_readable_than_before(
        self, backing: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        before = [path.stat().st_mode & 0o044 for path in tmp_path.parents]
        backing.ensure()
        assert [path.stat().st_mode & 0o044 for path in tmp_path.parents] == before

    def test_a_stopped_one_is_not_ready_and_starts_again(self, backing: EmbeddedPostgres) -> None:
        backing.ensure()
        backing.stop_all()
        assert not backing.ready()
        backing.ensure()
        assert backing.ready()


def test_a_database_of_ones_own_is_always_ready_and_never_started(tmp_path: Path) -> None:
    place = SecretReference(1, file="secrets/database-url")
    backing = EmbeddedPostgres(tmp_path, ["database"], {"database": place})
    backing.ensure()
    assert backing.ready()
    assert backing.addresses() == {}
    assert backing.secret_addresses() == {"backing.database.url": place}
    assert list(tmp_path.iterdir()) == []
