"""Telling people: what fails at one destination is no other's, and the clock may be set."""

from datetime import timedelta

import pytest

from carelane.audit.entries import Entry
from carelane.audit.notifying import FIRST_RETRY_SECONDS, MOST_ATTEMPTS, Notifier
from carelane.base.clock import ManualClock
from tests.fakes.telling import InMemoryQueue
from tests.fakes.trail import InMemoryTrail


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


def told(queue: InMemoryQueue, clock: ManualClock, later: float = 1e6) -> list[int]:
    """After how many attempts each is still to be told, so much later."""
    return [pending.attempts for pending in queue.due(clock.now() + timedelta(seconds=later))]


@pytest.fixture
def clock() -> ManualClock:
    """Turned by hand."""
    return ManualClock()


@pytest.fixture
def trail() -> InMemoryTrail:
    """An empty one."""
    return InMemoryTrail()


@pytest.fixture
def queue(clock: ManualClock, trail: InMemoryTrail) -> InMemoryQueue:
    """Behind one entry that two want to know of."""
    queue = InMemoryQueue(trail)
    assert queue.position() == 0
    trail.append((Entry(clock.now(), "alice", "deployment.failed", "7"),))
    return queue


@pytest.fixture
def sender() -> Sender:
    """One destination of it raises."""
    return Sender()


@pytest.fixture
def notifier(clock: ManualClock, trail: InMemoryTrail, queue: InMemoryQueue, sender: Sender) -> Notifier:
    """Both are told of what failed; the broken one comes first."""
    wanted = {name: frozenset({"deployment.failed"}) for name in ("broken", "oncall")}
    return Notifier(trail, queue, sender, wanted, clock)


def test_one_whose_sending_raises_blocks_no_other_and_its_address_is_not_told(
    notifier: Notifier, queue: InMemoryQueue, sender: Sender
) -> None:
    notifier.step()
    assert sender.sent == ["oncall"]
    assert queue.settled == {"oncall": "", "broken": "sending to broken failed: KeyError"}


def test_it_is_tried_again_and_given_up_in_the_end(
    notifier: Notifier, queue: InMemoryQueue, clock: ManualClock
) -> None:
    for _ in range(MOST_ATTEMPTS):
        notifier.step()
        clock.advance(timedelta(hours=1).total_seconds())
    assert told(queue, clock) == []
    assert queue.settled["broken"].startswith(f"given up after {MOST_ATTEMPTS} attempts: ")


def test_a_clock_that_is_set_back_holds_up_no_second_attempt(
    notifier: Notifier, queue: InMemoryQueue, clock: ManualClock
) -> None:
    notifier.step()
    clock.set_wall(-7200)
    clock.advance(FIRST_RETRY_SECONDS)
    notifier.step()
    assert told(queue, clock, FIRST_RETRY_SECONDS * 10) == [2]


def test_who_is_told_from_now_on_hears_of_what_comes_and_not_of_what_was(
    notifier: Notifier, queue: InMemoryQueue, sender: Sender
) -> None:
    nobody = Notifier(notifier._trail, queue, sender, {}, notifier._clock)
    nobody.use({"oncall": frozenset({"deployment.failed"})})
    nobody.step()
    assert (queue.position(), queue.due(notifier._clock.now()), sender.sent) == (1, [], [])


def test_while_nobody_is_told_the_trail_is_followed_all_the_same(
    notifier: Notifier, queue: InMemoryQueue, sender: Sender
) -> None:
    nobody = Notifier(notifier._trail, queue, sender, {}, notifier._clock)
    assert nobody.follow() == 0.0
    assert (queue.position(), queue.due(notifier._clock.now())) == (1, [])
