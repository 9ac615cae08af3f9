"""Telling people: what fails at one destination is no other's, and the clock may be set."""

from datetime import datetime, timedelta

import pytest

from carelane.audit.entries import Entry, Positioned
from carelane.audit.notifying import FIRST_RETRY_SECONDS, MOST_ATTEMPTS, Notifier
from carelane.audit.telling import Pending
from carelane.base.clock import ManualClock


class Trail:
    """A trail of one entry."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def after(self, position: int, limit: int = 500) -> list[Positioned]:
        """What is behind *position*."""
        return [Positioned(1, self._entry)][position : position + limit]

    def last_position(self) -> int:
        """The newest."""
        return 1

    def wait(self, position: int, timeout_seconds: float) -> bool:
        """Nothing more comes."""
        return position < 1


class Queue:
    """What is to be told, in memory."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._position = 0
        self.waiting: dict[int, tuple[Pending, datetime]] = {}
        self.settled: dict[str, str] = {}

    def position(self) -> int:
        """How far the trail was read."""
        return self._position

    def enqueue(self, upto: int, told: list[tuple[int, str]], now: datetime) -> None:
        """Note who is to be told."""
        self._position = upto
        for number, (_, destination) in enumerate(told, 1):
            self.waiting[number] = (Pending(number, destination, self._entry, 0), now)

    def due(self, now: datetime) -> list[Pending]:
        """What is to be tried."""
        return [pending for pending, due_at in self.waiting.values() if due_at <= now]

    def settle(self, number: int, *, done: bool, problem: str, due_at: datetime) -> None:
        """How it went."""
        pending, _ = self.waiting.pop(number)
        self.settled[pending.destination] = problem
        if not done:
            again = Pending(number, pending.destination, pending.entry, pending.attempts + 1)
            self.waiting[number] = (again, due_at)


class Sender:
    """Takes messages, except to the destination whose library raises."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, destination: str, title: str, body: str) -> str:
        """Send it."""
        assert title
        assert body
        if destination == "broken":
            raise KeyError("https://token@chat.example/")
        self.sent.append(destination)
        return ""


@pytest.fixture
def clock() -> ManualClock:
    """Turned by hand."""
    return ManualClock()


@pytest.fixture
def queue(clock: ManualClock) -> Queue:
    """Of one entry that two want to know of."""
    return Queue(Entry(clock.now(), "alice", "deployment.failed", "7"))


@pytest.fixture
def sender() -> Sender:
    """One destination of it raises."""
    return Sender()


@pytest.fixture
def notifier(clock: ManualClock, queue: Queue, sender: Sender) -> Notifier:
    """Both are told of what failed; the broken one comes first."""
    wanted = {name: frozenset({"deployment.failed"}) for name in ("broken", "oncall")}
    entry = Entry(clock.now(), "alice", "deployment.failed", "7")
    return Notifier(Trail(entry), queue, sender, wanted, clock)


def test_one_whose_sending_raises_blocks_no_other_and_its_address_is_not_told(
    notifier: Notifier, queue: Queue, sender: Sender
) -> None:
    notifier.step()
    assert sender.sent == ["oncall"]
    assert queue.settled == {"oncall": "", "broken": "sending to broken failed: KeyError"}


def test_it_is_tried_again_and_given_up_in_the_end(
    notifier: Notifier, queue: Queue, clock: ManualClock
) -> None:
    for _ in range(MOST_ATTEMPTS):
        notifier.step()
        clock.advance(timedelta(hours=1).total_seconds())
    assert queue.waiting == {}
    assert queue.settled["broken"].startswith(f"given up after {MOST_ATTEMPTS} attempts: ")


def test_a_clock_that_is_set_back_holds_up_no_second_attempt(
    notifier: Notifier, queue: Queue, clock: ManualClock
) -> None:
    notifier.step()
    clock.set_wall(-7200)
    clock.advance(FIRST_RETRY_SECONDS)
    notifier.step()
    assert [pending.attempts for pending, _ in queue.waiting.values()] == [2]


def test_who_is_told_from_now_on_hears_of_what_comes_and_not_of_what_was(
    notifier: Notifier, queue: Queue, sender: Sender
) -> None:
    nobody = Notifier(notifier._trail, queue, sender, {}, notifier._clock)
    nobody.use({"oncall": frozenset({"deployment.failed"})})
    nobody.step()
    assert (queue.position(), queue.waiting, sender.sent) == (1, {}, [])


def test_while_nobody_is_told_the_trail_is_followed_all_the_same(
    notifier: Notifier, queue: Queue, sender: Sender
) -> None:
    nobody = Notifier(notifier._trail, queue, sender, {}, notifier._clock)
    assert nobody.follow() == 0.0
    assert (queue.position(), queue.waiting) == (1, {})
