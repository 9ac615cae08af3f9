"""What every Shelf must do."""

from datetime import UTC, datetime, timedelta

import pytest

from carelane.delivery.releases import Artifact
from carelane.delivery.retention import Kept, Shelf, Spare

NOW = datetime.now(UTC)


def kept(*artifacts: Artifact, days: float = 30, analyses_days: float = 90) -> Kept:
    """What is kept now."""
    return Kept(frozenset(artifacts), NOW - timedelta(days=days), NOW - timedelta(days=analyses_days))


class ShelfContract:
    """Subclasses give *shelf*, with one thing that nobody needs on it (*old*) and one that somebody does."""

    @pytest.fixture
    def shelf(self) -> Shelf:
        raise NotImplementedError

    @pytest.fixture
    def needed(self, shelf: Shelf) -> Kept:
        """What is kept: everything on the shelf but one thing."""
        raise NotImplementedError

    def test_what_nobody_needs_is_spare_and_no_other(self, shelf: Shelf, needed: Kept) -> None:
        (spare,) = shelf.spare(needed)
        assert spare.shelf == shelf.name
        assert spare.what
        assert spare.bytes > 0

    def test_looking_removes_nothing(self, shelf: Shelf, needed: Kept) -> None:
        assert shelf.spare(needed) == shelf.spare(needed)

    def test_what_is_removed_is_gone_and_nothing_else(self, shelf: Shelf, needed: Kept) -> None:
        (spare,) = shelf.spare(needed)
        everything = {s.name for s in shelf.spare(kept(days=-1, analyses_days=-1))}
        shelf.remove(spare)
        assert shelf.spare(needed) == []
        assert {s.name for s in shelf.spare(kept(days=-1, analyses_days=-1))} == everything - {spare.name}

    def test_what_is_gone_is_removed_already(self, shelf: Shelf, needed: Kept) -> None:
        (spare,) = shelf.spare(needed)
        shelf.remove(spare)
        shelf.remove(spare)
        assert shelf.spare(needed) == []

    def test_what_is_not_there_is_removed_already(self, shelf: Shelf, needed: Kept) -> None:
        (spare,) = shelf.spare(needed)
        name = spare.name.replace(spare.name[-1], "0" if spare.name[-1] != "0" else "1")
        shelf.remove(Spare(shelf.name, spare.what, name, 1))
        assert shelf.spare(needed) == [spare]
