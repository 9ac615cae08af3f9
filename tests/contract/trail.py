"""What every Trail must do; entries come in by way of a repository, as they do in use."""

import threading
from datetime import timedelta

import pytest

from carelane.audit.entries import Entry
from carelane.audit.ports import Trail
from carelane.delivery.decisions.draft import Decision
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.ports import RolloutRepository
from tests.fakes.releases import MADE_AT


def entries(count: int, first: int = 1) -> tuple[Entry, ...]:
    return tuple(
        Entry(MADE_AT + timedelta(microseconds=n), "alice", "something.done", str(n), "production")
        for n in range(first, first + count)
    )


class TrailContract:
    """Subclasses give the fixtures *trail* and *repository*."""

    @pytest.fixture
    def trail(self) -> Trail:
        raise NotImplementedError

    @pytest.fixture
    def repository(self, trail: Trail) -> RolloutRepository:
        raise NotImplementedError

    def test_an_empty_trail_has_no_last_position(self, trail: Trail, repository: RolloutRepository) -> None:
        assert trail.last_position() == 0
        assert trail.after(0) == []
        assert not trail.wait(0, 0.0)

    def test_positions_are_counted_from_one_without_gaps(
        self, trail: Trail, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(EnvironmentState("production", 1), entries=entries(3)))
        repository.commit(Decision(EnvironmentState("production", 1), entries=entries(5)))  # comes second
        repository.commit(Decision(EnvironmentState("production", 2), entries=entries(2, first=4)))
        assert [(p.position, p.entry.subject) for p in trail.after(0)] == [(n, str(n)) for n in range(1, 6)]
        assert trail.last_position() == 5

    def test_readers_go_on_from_their_position_a_few_at_a_time(
        self, trail: Trail, repository: RolloutRepository
    ) -> None:
        repository.commit(Decision(EnvironmentState("production", 1), entries=entries(5)))
        assert [p.position for p in trail.after(1, limit=2)] == [2, 3]
        assert [p.position for p in trail.after(4)] == [5]
        assert trail.after(5) == []

    def test_an_entry_is_read_back_as_it_was_to_the_microsecond(
        self, trail: Trail, repository: RolloutRepository
    ) -> None:
        written = Entry(
            MADE_AT + timedelta(microseconds=1),
            "älice",
            "done.so",
            "1/backend",
            None,
            "line\nline",
            {"list": ["a"], "ratio": 0.5, "yes": True, "none": None, "map": {"a": 1.5}},
        )
        repository.commit(Decision(EnvironmentState("production", 1), entries=(written,)))
        assert trail.after(0)[0].entry == written

    def test_who_waits_is_woken_by_the_next_entry(self, trail: Trail, repository: RolloutRepository) -> None:
        woken: list[bool] = []
        waiting = threading.Thread(target=lambda: woken.append(trail.wait(0, 10.0)))
        waiting.start()
        repository.commit(Decision(EnvironmentState("production", 1), entries=entries(1)))
        waiting.join(5.0)
        assert woken == [True]
        assert not trail.wait(1, 0.01)
