"""Who may see what, and who saw it."""

from tests.services import Process


def test_nobody_is_refused_everywhere(backends: tuple[Process, Process]) -> None:
    """Without a token, with a made-up one, with a wrong password."""
    backend = backends[0]
    for path in ("/api/patients", "/api/patients/1", "/api/appointments", "/api/clinicians", "/api/sessions/current"):
        assert backend.ask(path).status == 401
        assert backend.ask(path, token="made.up.token").status == 401
    assert backend.ask("/api/sessions", body={"username": "frontdesk01", "password": "wrong"}).status == 401


def test_the_clinical_summary_is_for_clinicians(backends: tuple[Process, Process]) -> None:
    """The front desk sees how to reach somebody, not what ails them."""
    backend = backends[0]
    summaries = {
        name: backend.ask("/api/patients/7", token=backend.sign_in(name)).json()["clinical_summary"]
        for name in ("clinician01", "frontdesk01")
    }
    assert summaries["clinician01"]
    assert summaries["frontdesk01"] is None


def test_every_reading_of_a_record_is_logged(backends: tuple[Process, Process]) -> None:
    """The privacy officer sees who read it, and cannot read it."""
    backend = backends[0]
    readers = ["clinician03", "frontdesk02", "clinician03"]
    for name in readers:
        assert backend.ask("/api/patients/42", token=backend.sign_in(name)).status == 200
    officer = backend.sign_in("privacy01")
    accesses = backend.ask("/api/patients/42/accesses", token=officer).json()
    assert [access["username"] for access in accesses] == readers[::-1]
    assert backend.ask("/api/patients/42", token=officer).status == 403
    assert backend.ask("/api/patients/42/accesses", token=backend.sign_in("clinician03")).status == 403


def test_a_clinician_keeps_their_own_calendar_only(backends: tuple[Process, Process]) -> None:
    """They list, book and cancel theirs; the front desk any."""
    backend, token = backends[0], backends[0].sign_in("clinician04")
    body = {"clinician_id": 5, "patient_id": 1, "starts_at": "2028-05-02T09:00:00Z"}
    assert backend.ask("/api/appointments", token=token, body=body).status == 403
    booked = backend.ask("/api/appointments", token=backend.sign_in("frontdesk01"), body=body)
    assert booked.status == 201
    path = f"/api/appointments/{booked.json()['id']}"
    assert backend.ask(path, token=token, method="DELETE").status == 403
    assert {own["clinician_id"] for own in backend.ask("/api/appointments", token=token).json()} == {4}


def test_a_session_is_good_at_every_instance_and_version(backends: tuple[Process, Process]) -> None:
    """Signed in at one, known at the other: a rollout signs nobody out."""
    told = [backend.ask("/api/sessions/current", token=backends[0].sign_in("clinician07")) for backend in backends]
    assert [answer.headers["x-app-version"] for answer in told] == ["v1.0", "v2.0"]
    assert {answer.json()["username"] for answer in told} == {"clinician07"}


def test_an_unknown_patient_is_not_found(backends: tuple[Process, Process]) -> None:
    """Nor is an unknown path; a number beyond all bounds is a wrong request."""
    backend, token = backends[0], backends[0].sign_in("frontdesk01")
    paths = ("/api/patients/100000", "/api/nothing", "/api/patients/99999999999999999999")
    assert [backend.ask(path, token=token).status for path in paths] == [404, 404, 422]


def test_a_search_takes_its_text_as_it_is(backends: tuple[Process, Process]) -> None:
    """A percent sign is no wildcard, capitals do not matter."""
    backend, token = backends[0], backends[0].sign_in("frontdesk01")
    assert backend.ask("/api/patients?search=%25", token=token).json() == []
    found = backend.ask("/api/patients?search=noV", token=token).json()
    assert {patient["family_name"] for patient in found} == {"Novak"}
