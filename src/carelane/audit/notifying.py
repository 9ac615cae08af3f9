"""Telling people what happened: follows the trail after the fact, and tries again what failed.

Nothing here is ever called from inside a decision: a destination that hangs delays nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from carelane.audit.entries import Entry
from carelane.audit.ports import Trail
from carelane.base.clock import Clock

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 600.0
MOST_ATTEMPTS = 12
NOTHING_TO_DO_SECONDS = 3600.0


@dataclass(frozen=True)
class Pending:
    """An entry that a destination is still to be told."""

    number: int
    destination: str
    entry: Entry
    attempts: int


@dataclass(frozen=True)
class Told:
    """How telling a destination of an entry went so far; *problem* is empty where there was none."""

    position: int
    destination: str
    act: str
    subject: str
    attempts: int
    done: bool
    problem: str


class Queue(Protocol):
    """What is to be told, kept across restarts."""

    def position(self) -> int:
        """How far the trail was read; from its end where that was never said."""
        ...

    def enqueue(self, upto: int, told: list[tuple[int, str]], now: datetime) -> None:
        """Note that the trail was read up to *upto*, and who is to be told which position: one act."""
        ...

    def due(self, now: datetime) -> list[Pending]:
        """What is to be tried now, oldest first."""
        ...

    def settle(self, number: int, *, done: bool, problem: str, due_at: datetime) -> None:
        """Write down how an attempt went; not *done* means again at *due_at*."""
        ...


class Sender(Protocol):
    """Takes a message to a destination."""

    def send(self, destination: str, title: str, body: str) -> str:
        """Send it; what went wrong, or nothing."""
        ...


class Notifier:
    """Reads the trail, queues what somebody wants to know, and delivers it."""

    def __init__(
        self, trail: Trail, queue: Queue, sender: Sender, wanted: Mapping[str, frozenset[str]], clock: Clock
    ) -> None:
        self._trail = trail
        self._queue = queue
        self._sender = sender
        self._wanted = wanted
        self._clock = clock

    def follow(self) -> float:
        """A step, then a wait until the trail has grown, a second at most; due again at once.

        With no destinations there is nothing to follow.
        """
        if not self._wanted:
            return NOTHING_TO_DO_SECONDS
        self.step()
        self._trail.wait(self._queue.position(), 1.0)
        return 0.0

    def step(self) -> None:
        """Queue what is new, then try what is due."""
        position = self._queue.position()
        entries = self._trail.after(position)
        if entries:
            told = [
                (p.position, destination)
                for p in entries
                for destination, acts in self._wanted.items()
                if p.entry.act in acts
            ]
            self._queue.enqueue(entries[-1].position, told, self._clock.now())
        for pending in self._queue.due(self._clock.now()):
            self._try(pending)

    def _try(self, pending: Pending) -> None:
        title, body = message(pending.entry)
        try:
            problem = self._sender.send(pending.destination, title, body)
        except Exception as error:  # noqa: BLE001 - a library's fault at one destination is no other's
            # Its words may hold the address, which is a secret.
            problem = f"sending to {pending.destination} failed: {type(error).__name__}"
        attempts = pending.attempts + 1
        pause = min(FIRST_RETRY_SECONDS * 2**pending.attempts, LONGEST_RETRY_SECONDS)
        given_up = attempts >= MOST_ATTEMPTS
        self._queue.settle(
            pending.number,
            done=not problem or given_up,
            problem=f"given up after {attempts} attempts: {problem}" if problem and given_up else problem,
            due_at=self._clock.now() + timedelta(seconds=pause),
        )


def message(entry: Entry) -> tuple[str, str]:
    """A title and a text for people."""
    where = f" in {entry.environment}" if entry.environment else ""
    title = f"{entry.act.replace('.', ' ')} {entry.subject}{where}"
    told = [f"{key}: {value}" for key, value in entry.details.items()]
    return title, "\n".join([f"by {entry.actor} at {entry.at.isoformat()}", entry.reason, *told]).strip()
