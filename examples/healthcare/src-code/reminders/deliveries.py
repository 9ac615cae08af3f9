"""Where reminders are delivered to: a log that stands for the clinic's message gateway.

A delivery is one line with the reminder's number. The log itself is the record of what was
delivered: before anything is appended, every line that is there already is known, those of a
worker that crashed and those of other workers included.
"""

import errno
import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reminder:
    """A reminder that is due. It names no patient: the gateway looks the address up itself."""

    id: uuid.UUID
    appointment_id: int
    patient_id: int
    starts_at: datetime


class Gateway(Protocol):
    """Delivers reminders."""

    def deliver(self, reminder: Reminder) -> None:
        """Deliver *reminder* unless it was delivered before; returns once it cannot be lost any more."""


class Announcements:
    """Tells of reminders in the service's own log; the database alone remembers which were sent."""

    def deliver(self, reminder: Reminder) -> None:
        """Write one structured line."""
        _log.info("reminder", extra={"reminder": reminder.id, "appointment": reminder.appointment_id})


class DeliveryLog:
    """An append-only file of deliveries, safe against crashes and against other workers on the same file."""

    def __init__(self, path: Path) -> None:
        """Append to the file at *path*, made when missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._known: set[str] = set()
        self._read_bytes = 0

    def deliver(self, reminder: Reminder) -> None:
        """Append the reminder's line and wait until the disk has it, unless the log holds it already."""
        with self._locked():
            self._catch_up()
            if str(reminder.id) in self._known:
                _log.warning("already delivered before a crash", extra={"reminder": reminder.id})
                return
            line = _line(reminder)
            if os.pwrite(self._file, line, self._read_bytes) != len(line):
                raise OSError(errno.ENOSPC, "the delivery log took only a part of a line")
            os.fsync(self._file)
            self._known.add(str(reminder.id))
            self._read_bytes += len(line)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Learn what others appended; a line without its end was never delivered and is cut off."""
        unread = os.pread(self._file, os.fstat(self._file).st_size - self._read_bytes, self._read_bytes)
        whole = unread[: unread.rfind(b"\n") + 1]
        if len(whole) < len(unread):
            os.ftruncate(self._file, self._read_bytes + len(whole))
        self._known.update(json.loads(line)["reminder_id"] for line in whole.splitlines())
        self._read_bytes += len(whole)


def _line(reminder: Reminder) -> bytes:
    told = {
        "reminder_id": str(reminder.id),
        "appointment_id": reminder.appointment_id,
        "patient_id": reminder.patient_id,
        "starts_at": reminder.starts_at.astimezone(UTC).isoformat(),
        "delivered_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(told).encode() + b"\n"
