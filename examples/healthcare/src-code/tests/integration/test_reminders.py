"""Reminders are sent exactly once each, whatever happens to the worker."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from reminders import deliveries, outbox
from tests.services import Starter, wait_until

DUE = 300


@pytest.fixture
def due_database(database: str) -> str:
    """A database in which DUE reminders are due."""
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM reminders")
        connection.execute("DELETE FROM appointments")
        connection.execute(
            "INSERT INTO appointments (clinician_id, patient_id, starts_at, ends_at, reason, booked_by, booked_at) "
            "SELECT 1, 1, now() + i * '1 minute'::interval, now() + (i + 1) * '1 minute'::interval, '', "
            "'frontdesk01', now() FROM generate_series(60, 59 + %s) AS i",
            (DUE,),
        )
        connection.execute(
            "INSERT INTO reminders (appointment_id, due_at, state) "
            "SELECT id, now() - '1 hour'::interval, 'pending' FROM appointments"
        )
    return database


def _states(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM reminders GROUP BY state").fetchall())


def _delivered(log: Path) -> list[str]:
    return [json.loads(line)["reminder_id"] for line in log.read_text().splitlines()] if log.exists() else []


def test_exactly_once_through_kills_and_two_workers(starter: Starter, due_database: str, tmp_path: Path) -> None:
    """Killed in the middle again and again, two at a time: every reminder once, none twice, none lost."""
    log = tmp_path / "reminders.jsonl"

    def start_two() -> None:
        for _ in range(2):
            starter.start("reminders", ready=False, DATABASE_URL=due_database, REMINDERS_LOG=str(log))

    def delivered_at_least(count: int) -> Callable[[], bool]:
        return lambda: log.exists() and log.read_bytes().count(b"\n") >= count

    for part in (1, 2, 3):
        start_two()
        wait_until(delivered_at_least(part * DUE // 5))
        starter.end_all()
    assert len(_delivered(log)) < DUE
    start_two()
    wait_until(lambda: _states(due_database) == {"sent": DUE}, starter.processes[-1])
    assert Counter(Counter(_delivered(log)).values()) == {1: DUE}


class CrashingLog:
    """Delivers, and crashes before anybody can note that it did."""

    def __init__(self, path: Path) -> None:
        """Deliver to the log at *path*."""
        self._log = deliveries.DeliveryLog(path)

    def deliver(self, reminder: deliveries.Reminder) -> None:
        """Deliver *reminder* and crash."""
        self._log.deliver(reminder)
        raise KeyboardInterrupt


def test_a_crash_between_delivery_and_mark_does_not_deliver_twice(due_database: str, tmp_path: Path) -> None:
    """The row is pending again, its line is in the log: the next worker marks it and adds nothing."""
    log = tmp_path / "reminders.jsonl"
    with psycopg.connect(due_database, autocommit=True) as connection:
        with pytest.raises(KeyboardInterrupt):
            outbox.send_next(connection, CrashingLog(log))
        assert (len(_delivered(log)), _states(due_database)) == (1, {"pending": DUE})
        assert outbox.send_next(connection, deliveries.DeliveryLog(log))
        assert (len(_delivered(log)), _states(due_database)) == (1, {"pending": DUE - 1, "sent": 1})


class Watched:
    """Lets somebody else work while it delivers."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        """Do *meanwhile* within every delivery."""
        self._meanwhile = meanwhile
        self.delivered: list[uuid.UUID] = []

    def deliver(self, reminder: deliveries.Reminder) -> None:
        """Note *reminder*, then let the other work."""
        self.delivered.append(reminder.id)
        self._meanwhile()


def test_two_workers_never_hold_the_same_reminder(due_database: str) -> None:
    """While one delivers, the other takes the next without waiting: also where no log could tell."""
    with (
        psycopg.connect(due_database, autocommit=True) as first,
        psycopg.connect(due_database, autocommit=True) as second,
    ):
        other = Watched(lambda: None)
        one = Watched(lambda: outbox.send_next(second, other))
        assert outbox.send_next(first, one)
    assert len({*one.delivered, *other.delivered}) == 2


def test_a_line_that_was_cut_off_by_a_crash_is_delivered_again(due_database: str, tmp_path: Path) -> None:
    """Half a line reminded nobody; it is removed so that the log stays readable."""
    log = tmp_path / "reminders.jsonl"
    log.write_text('{"reminder_id": "half a li')
    with psycopg.connect(due_database, autocommit=True) as connection:
        gateway = deliveries.DeliveryLog(log)
        assert [outbox.send_next(connection, gateway) for _ in range(3)] == [True] * 3
    assert len(set(_delivered(log))) == 3


def test_reminders_of_cancelled_and_past_appointments_are_not_sent(due_database: str, tmp_path: Path) -> None:
    """The first were dropped by the backend, the second are dropped by the worker."""
    with psycopg.connect(due_database, autocommit=True) as connection:
        connection.execute("UPDATE reminders SET state = 'dropped' WHERE appointment_id % 2 = 0")
        connection.execute(
            "UPDATE appointments SET starts_at = starts_at - '9 days'::interval, ends_at = ends_at - '9 days'::interval"
        )
        assert not outbox.send_next(connection, deliveries.DeliveryLog(tmp_path / "log"))
    assert _states(due_database) == {"dropped": DUE}


def test_sigterm_ends_the_worker_between_two_reminders(starter: Starter, due_database: str, tmp_path: Path) -> None:
    """Exit code 0; what the log holds and what the database says agree."""
    log = tmp_path / "reminders.jsonl"
    worker = starter.start("reminders", ready=False, DATABASE_URL=due_database, REMINDERS_LOG=str(log))
    wait_until(lambda: len(_delivered(log)) > 10, worker)
    assert worker.terminate() == 0
    assert len(_delivered(log)) == _states(due_database)["sent"]


def test_an_idle_worker_ends_at_once_and_waits_for_a_lost_database(starter: Starter, tmp_path: Path) -> None:
    """It neither dies nor hangs on to life."""
    nowhere = f"postgresql://postgres:@/postgres?host={tmp_path}"
    worker = starter.start("reminders", ready=False, DATABASE_URL=nowhere, POLL_SECONDS="30")
    wait_until(lambda: "database unavailable" in worker.log.read_text(), worker)
    assert worker.terminate() == 0
