"""What every Queue of notifications must do."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from carelane.audit.entries import Entry
from carelane.audit.ports import Queue
from tests.fakes.releases import MADE_AT

Happens = Callable[[str], None]


def entry(subject: str) -> Entry:
    return Entry(MADE_AT, "ada", "deployment.failed", subject, "production", "why", {"n": 1})


def told(queue: Queue, seconds: float = 0.0) -> list[tuple[str, str, int]]:
    """What is due so long after MADE_AT: destination, of what, after how many attempts."""
    due = queue.due(MADE_AT + timedelta(seconds=seconds))
    return [(p.destination, p.entry.subject, p.attempts) for p in due]


class QueueContract:
    """Subclasses give *queue*, and *happens*, by which the trail gets one more `entry`."""

    @pytest.fixture
    def happens(self) -> Happens:
        raise NotImplementedError

    @pytest.fixture
    def queue(self, happens: Happens) -> Queue:
        raise NotImplementedError

    @pytest.fixture
    def again(self, queue: Queue) -> Queue:
        """As another server finds it."""
        raise NotImplementedError

    def test_the_first_time_it_begins_at_the_trails_end(self, queue: Queue, happens: Happens) -> None:
        happens("long past")
        happens("past")
        assert queue.position() == 2
        happens("now")
        assert queue.position() == 2, "said once, it stays"

    def test_what_is_queued_is_due_oldest_first_with_its_entry(self, queue: Queue, happens: Happens) -> None:
        for subject in ("1", "2"):
            happens(subject)
        queue.position()
        queue.enqueue(2, [(1, "oncall"), (2, "oncall"), (2, "team")], MADE_AT)
        assert told(queue) == [("oncall", "1", 0), ("oncall", "2", 0), ("team", "2", 0)]
        assert queue.due(MADE_AT)[0].entry == entry("1")
        assert queue.position() == 2
        assert told(queue, -1) == []

    def test_where_nobody_wants_to_know_only_the_position_moves(self, queue: Queue, happens: Happens) -> None:
        queue.position()
        happens("1")
        queue.enqueue(1, [], MADE_AT)
        assert (queue.position(), told(queue)) == (1, [])

    def test_what_failed_is_due_again_later_with_one_attempt_more_and_what_is_done_never(
        self, queue: Queue, happens: Happens
    ) -> None:
        happens("1")
        queue.position()
        queue.enqueue(1, [(1, "broken"), (1, "oncall")], MADE_AT)
        broken, oncall = queue.due(MADE_AT)
        queue.settle(broken.number, done=False, problem="no", due_at=MADE_AT + timedelta(seconds=5))
        queue.settle(oncall.number, done=True, problem="", due_at=MADE_AT)
        assert told(queue, 4) == []
        assert told(queue, 5) == [("broken", "1", 1)]

    def test_another_server_goes_on_where_this_one_was(
        self, queue: Queue, happens: Happens, again: Queue
    ) -> None:
        happens("1")
        assert queue.position() == 1
        happens("2")
        queue.enqueue(2, [(2, "oncall")], MADE_AT)
        assert again.position() == 2
        assert told(again) == [("oncall", "2", 0)]

    def test_a_hundred_are_due_at_once_at_most(self, queue: Queue, happens: Happens) -> None:
        happens("1")
        queue.position()
        queue.enqueue(1, [(1, f"d{n:03}") for n in range(150)], MADE_AT)
        first = queue.due(MADE_AT)
        assert len(first) == 100
        for pending in first:
            queue.settle(pending.number, done=True, problem="", due_at=MADE_AT)
        assert len(queue.due(MADE_AT)) == 50
