"""Appointments on a real database: never two at once, and at the right time."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import psycopg.errors
import pytest

from tests.services import Answer, Process

INSERT = (
    "INSERT INTO appointments (clinician_id, patient_id, starts_at, ends_at, reason, booked_by, booked_at) "
    "VALUES (%s, 1, %s, %s, '', 'frontdesk01', now())"
)


def _booking(starts_at: str, clinician: int = 1, minutes: int = 30) -> dict[str, object]:
    return {"clinician_id": clinician, "patient_id": 1, "starts_at": starts_at, "minutes": minutes}


def test_of_twenty_requests_at_once_one_books_the_slot(backends: tuple[Process, Process]) -> None:
    """Over two instances; some want the slot itself, some a time that overlaps it."""
    token = backends[0].sign_in("frontdesk01")

    def book(number: int) -> Answer:
        starts_at = "2028-03-01T09:00:00Z" if number % 3 else "2028-03-01T09:15:00Z"
        return backends[number % 2].ask("/api/appointments", token=token, body=_booking(starts_at))

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(book, range(20)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 19
    assert "another appointment" in next(answer for answer in answers if answer.status == 409).json()["detail"]


def test_the_database_itself_refuses_an_overlap(database: str) -> None:
    """Whatever the code does or forgets: overlapping is refused, touching and other clinicians are not."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(INSERT, (1, "2028-01-03 10:00Z", "2028-01-03 10:30Z"))
        connection.execute(INSERT, (1, "2028-01-03 10:30Z", "2028-01-03 11:00Z"))
        connection.execute(INSERT, (2, "2028-01-03 10:00Z", "2028-01-03 10:30Z"))
        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(INSERT, (1, "2028-01-03 10:29:59Z", "2028-01-03 10:30Z"))


def test_two_transactions_at_once_cannot_both_book(database: str) -> None:
    """Neither sees the other's row before it commits; the second waits and is then refused."""
    with psycopg.connect(database) as first, psycopg.connect(database) as second, ThreadPoolExecutor(1) as threads:
        first.execute(INSERT, (1, "2028-01-04 10:00Z", "2028-01-04 10:30Z"))
        late = threads.submit(second.execute, INSERT, (1, "2028-01-04 10:15Z", "2028-01-04 10:45Z"))
        first.commit()
        assert isinstance(late.exception(10), psycopg.errors.ExclusionViolation)


def test_a_cancelled_slot_is_free_again(backends: tuple[Process, Process]) -> None:
    """It leaves the list of free slots when booked and returns when cancelled; its reminder goes with it."""
    backend, token = backends[0], backends[0].sign_in("frontdesk01")
    slots = "/api/clinicians/2/slots?day=2028-03-01"
    wanted = backend.ask(slots, token=token).json()[4]["starts_at"]
    booked = backend.ask("/api/appointments", token=token, body=_booking(wanted, clinician=2))
    assert booked.status == 201
    assert wanted not in [slot["starts_at"] for slot in backend.ask(slots, token=token).json()]
    path = f"/api/appointments/{booked.json()['id']}"
    assert backend.ask(path, token=token, method="DELETE").status == 204
    assert backend.ask(path, token=token, method="DELETE").status == 404
    assert wanted in [slot["starts_at"] for slot in backend.ask(slots, token=token).json()]


def test_a_naive_time_is_refused(backends: tuple[Process, Process]) -> None:
    """With what was wrong and where, and without an echo of what was sent."""
    token = backends[0].sign_in("frontdesk01")
    answer = backends[0].ask("/api/appointments", token=token, body=_booking("2028-03-02T09:00:00"))
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"] == "body.starts_at: Input should have timezone info"


def test_nine_oclock_stays_nine_oclock_over_the_change_to_summer_time(backends: tuple[Process, Process]) -> None:
    """Stored in UTC, shown by the clinic's clock: 08:00Z on Friday 24 March 2028, 07:00Z on the Monday after."""
    backend, token = backends[0], backends[0].sign_in("frontdesk01")
    shown = {}
    for starts_at in ("2028-03-24T09:00:00+01:00", "2028-03-27T09:00:00+02:00"):
        booked = backend.ask("/api/appointments", token=token, body=_booking(starts_at, clinician=5)).json()
        shown[booked["starts_at"]] = booked["starts_at_local"]
    assert shown == {
        "2028-03-24T08:00:00Z": "2028-03-24T09:00:00+01:00",
        "2028-03-27T07:00:00Z": "2028-03-27T09:00:00+02:00",
    }
