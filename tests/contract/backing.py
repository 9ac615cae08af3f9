"""What every Backing must do."""

import pytest

from carelane.delivery.ports import Backing


class BackingContract:
    """Subclasses give the fixture *backing*: one named ``database`` that has never run."""

    @pytest.fixture
    def backing(self) -> Backing:
        raise NotImplementedError

    def test_what_never_ran_is_not_ready_and_has_no_address(self, backing: Backing) -> None:
        assert not backing.ready()
        assert backing.addresses() == {}
        assert backing.secret_addresses() == {}

    def test_what_was_seen_to_runs_and_says_where(self, backing: Backing) -> None:
        backing.ensure()
        assert backing.ready()
        assert list(backing.addresses()) == ["backing.database.url"]
        assert backing.addresses()["backing.database.url"].startswith("postgresql://")

    def test_seeing_to_it_twice_changes_nothing(self, backing: Backing) -> None:
        backing.ensure()
        before = backing.addresses()
        backing.ensure()
        assert backing.ready()
        assert backing.addresses() == before
