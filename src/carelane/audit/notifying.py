"""Telling people what happened: follows the trail after the fact, and tries again what failed.

Nothing here is ever called from inside a decision: a destination that hangs delays nobody.
"""

import threading
from collections.abc import Mapping
from datetime import timedelta

from carelane.audit.entries import Entry
from carelane.audit.ports import Queue, Sender, Trail
from carelane.audit.telling import Pending
from carelane.base.clock import Clock

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 600.0
MOST_ATTEMPTS = 12


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
        self._reading = threading.Lock()

    def follow(self) -> float:
        """A step, then a wait until the trail has grown, a second at most; due again at once.

        While nobody is to be told the trail is followed all the same: who is later hears nothing of before.
        """
        if self._wanted:
            self.step()
            self._trail.wait(self._queue.position(), 1.0)
        elif self._trail.wait(self._queue.position(), 1.0):
            self.step()
        return 0.0

    def use(self, wanted: Mapping[str, frozenset[str]]) -> None:
        """From now on tell by *wanted*; of what is in the trail already, whoever was to be told."""
        self._read()
        with self._reading:
            self._wanted = wanted

    def step(self) -> None:
        """Queue what is new, then try what is due."""
        self._read()
        for pending in self._queue.due(self._clock.now()):
            self._try(pending)

    def _read(self) -> None:
        """Queue what is new for those who want to know of it."""
        with self._reading:
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
