"""The Backing port: in memory, and as a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.base.errors import PlatformError
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

    def test_what_others_have_in_the_common_temporary_folder_is_in_nobodys_way(
        self, backing: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The library's lock lies there, and belongs to the first user of the machine who had one."""
        common = tmp_path / "tmp"
        (common / ".lockfile").mkdir(parents=True)
        monkeypatch.setenv("TMPDIR", str(common))
        backing.ensure()
        assert backing.ready()

    def test_one_in_a_folder_with_a_long_name_starts_again_where_it_was(self, tmp_path: Path) -> None:
        long = EmbeddedPostgres(tmp_path / ("long" * 30), ["database"], {})
        long.ensure()
        address = long.addresses()
        long.stop_all()
        long.ensure()
        assert (long.ready(), long.addresses()) == (True, address)
        long.stop_all()

    def test_one_that_does_not_start_says_why_until_it_does(
        self, backing: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        data = tmp_path / "backing" / "database" / "data"
        data.parent.mkdir(parents=True)
        data.write_text("no folder")
        with pytest.raises(PlatformError, match="PostgreSQL database does not start"):
            backing.ensure()
        backing.ensure()  # it was tried a moment ago
        assert list(backing.failing()) == ["database"]

    def test_what_was_written_down_of_it_may_be_damaged(
        self, backing: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        backing.ensure()
        address = backing.addresses()
        (tmp_path / "backing" / "database" / "data.json").write_text('{"url": ')
        assert not backing.ready()
        backing.ensure()
        assert (backing.ready(), backing.addresses()) == (True, address)


def test_a_database_of_ones_own_is_always_ready_and_never_started(tmp_path: Path) -> None:
    place = SecretReference(1, file="secrets/database-url")
    backing = EmbeddedPostgres(tmp_path, ["database"], {"database": place})
    backing.ensure()
    assert backing.ready()
    assert backing.addresses() == {}
    assert backing.secret_addresses() == {"backing.database.url": place}
    assert list(tmp_path.iterdir()) == []
