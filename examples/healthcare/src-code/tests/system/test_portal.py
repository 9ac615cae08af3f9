"""The pages, as a browser uses them."""

import re

from tests.services import Process, Starter
from tests.system.browsers import Browser, form_token

BOOKING = "/appointments/new?patient=9&clinician=6&day=2028-06-01"


def test_somebody_signs_in_books_and_cancels(frontends: tuple[Process, Process]) -> None:
    """The way through the portal, every form once."""
    frontend, browser = frontends[0], Browser()
    assert browser.get(frontend, "/").headers["location"] == "/sign-in"
    browser.sign_in(frontend, "clinician06")
    assert "Clinical summary" in browser.get(frontend, "/patients/9").body
    page = browser.get(frontend, BOOKING)
    slot = re.search(r'<option value="(2028-06-01T[^"]+)">Thu 1 Jun 2028, 08:00<', page.body)
    assert slot, page.body
    fields = {"patient": "9", "clinician": "6", "day": "2028-06-01", "starts_at": slot[1], "reason": "<b>Knee</b>"}
    answer = browser.post(frontend, "/appointments", form_token=form_token(page), **fields)
    assert (answer.status, answer.headers["location"]) == (303, "/appointments")
    patient = browser.get(frontend, "/patients/9")
    assert "Thu 1 Jun 2028, 08:00 with Dr." in patient.body
    taken = browser.post(frontend, "/appointments", form_token=form_token(page), **fields)
    assert (taken.status, "another appointment at that time" in taken.body) == (409, True)


def test_names_and_reasons_are_escaped(frontends: tuple[Process, Process], backends: tuple[Process, Process]) -> None:
    """What somebody typed is text, not a page."""
    body = {"clinician_id": 8, "patient_id": 1, "starts_at": _soon(backends[0]), "reason": "<script>1</script>"}
    assert backends[0].ask("/api/appointments", token=backends[0].sign_in("clinician08"), body=body).status == 201
    browser = Browser()
    browser.sign_in(frontends[0], "clinician08")
    page = browser.get(frontends[0], "/appointments").body
    assert "&lt;script&gt;1&lt;/script&gt;" in page
    assert "<script" not in page
    found = re.search(r"&lt;script&gt;.*?/appointments/(\d+)/cancel", page, re.DOTALL)
    assert found
    answer = browser.post(frontends[0], f"/appointments/{found[1]}/cancel", form_token=form_token_of(page))
    assert (answer.status, "<script" in browser.get(frontends[0], "/appointments").body) == (303, False)


def form_token_of(page: str) -> str:
    """The token of the forms in the text of a page."""
    return page.partition('name="form_token" value="')[2].partition('"')[0]


def _soon(backend: Process) -> str:
    token = backend.sign_in("frontdesk01")
    days = (f"2027-01-{day:02}" for day in range(4, 9))
    slots = (backend.ask(f"/api/clinicians/8/slots?day={day}", token=token).json() for day in days)
    first: str = next(found[0]["starts_at"] for found in slots if found)
    return first


def test_session_and_form_are_good_at_another_instance(frontends: tuple[Process, Process]) -> None:
    """Signed in and looked at one version, sent to another: the user does not notice."""
    browser = Browser()
    browser.sign_in(frontends[0], "frontdesk03")
    page = browser.get(frontends[0], BOOKING)
    answer = browser.get(frontends[1], "/patients")
    assert (answer.status, answer.headers["x-app-version"]) == (200, "v2.0")
    fields = {"patient": "9", "clinician": "6", "day": "2028-06-01", "starts_at": "2028-06-02T09:00:00Z"}
    assert browser.post(frontends[1], "/appointments", form_token=form_token(page), **fields).status == 303


def test_a_form_from_another_site_is_refused(frontends: tuple[Process, Process]) -> None:
    """The browser sends the cookies along, but the other site cannot know the token; nor can another visitor's do."""
    browser, other = Browser(), Browser()
    browser.sign_in(frontends[0], "frontdesk03")
    other.sign_in(frontends[0], "frontdesk03")
    foreign = form_token(other.get(frontends[0], BOOKING))
    for token in ("", "0" * 64, foreign):
        for path in ("/appointments", "/sign-out", "/appointments/1/cancel"):
            assert browser.post(frontends[0], path, form_token=token).status == 403
    assert browser.get(frontends[0], "/patients").status == 200


def test_signing_out_takes_the_session_away(frontends: tuple[Process, Process]) -> None:
    """And a made-up session leads to the sign-in."""
    browser = Browser()
    browser.sign_in(frontends[0], "frontdesk03")
    token = form_token(browser.get(frontends[0], "/patients"))
    assert browser.post(frontends[0], "/sign-out", form_token=token).status == 303
    assert "session" not in browser.cookies
    browser.cookies["session"] = "made-up"
    assert browser.get(frontends[0], "/patients").headers["location"] == "/sign-in"


def test_pages_keep_their_readers_safe_and_find_their_way(frontends: tuple[Process, Process]) -> None:
    """Not cached, no foreign scripts, a language, a heading, a title, labels; and a page for what is not there."""
    page = Browser().get(frontends[0], "/sign-in")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    for part in ('<html lang="en">', "<title>Sign in", "<h1>Sign in</h1>", 'label for="username"', "Skip to content"):
        assert part in page.body
    assert Browser().get(frontends[0], "/nowhere").status == 404
    assert Browser().get(frontends[0], "/assets/portal.css").headers["content-type"].startswith("text/css")


def test_a_lost_backend_is_told_as_a_page_of_this_version(starter: Starter) -> None:
    """Not as a proxy's error: the frontend itself is there."""
    frontend = starter.start("frontend", BACKEND_URL="http://127.0.0.1:9")
    browser = Browser()
    browser.cookies["session"] = "anything"
    answer = browser.get(frontend, "/patients")
    assert (answer.status, answer.headers["x-app-version"]) == (502, "v1.0")
    assert "unavailable for the moment" in answer.body
