"""Traffic counts what users saw, and acts as they do."""

from collections import Counter
from random import Random

import pytest

from traffic import runs, steps, tallies, visitors
from traffic.clients import Outcome

ACCOUNT = visitors.Account("clinician03", "demo", "token", 3)


def _outcome(seconds: float, status: int | None = 200, version: str = "v1", lost: str = "") -> Outcome:
    return Outcome("page", 1, 0.0, seconds, status, version, lost, retried=False)


def test_arrivals_keep_their_rate_whatever_happens() -> None:
    """About rate times seconds, in order, within the time: nobody waits for an answer."""
    due = list(runs.arrivals(100, 60, Random(1)))
    assert due == sorted(due)
    assert len(due) == pytest.approx(6000, rel=0.05)
    assert 0 < due[0] < due[-1] < 60


def test_quantiles_are_values_that_were_seen() -> None:
    """The smallest value that the share of requests does not exceed."""
    found = tallies.quantiles([number / 1000 for number in range(100, 0, -1)])
    assert (found["p50"], found["p99"], found["max"]) == (50.0, 99.0, 100.0)
    assert tallies.quantiles([]) == {}
    assert tallies.quantiles([0.5])["p50"] == 500.0


def test_a_report_counts_by_version_status_and_loss() -> None:
    """What the proxy made up belongs to no version."""
    tally = tallies.Tally()
    for outcome in (
        _outcome(0.1),
        _outcome(0.2, status=500, version="v2"),
        _outcome(0.3, status=503, version="", lost="proxy 503"),
        _outcome(10.0, status=None, version="", lost="timeout"),
    ):
        tally.add(outcome)
    report = tally.report()
    assert (report["requests"], report["lost"]) == (4, 2)
    assert report["lost_by_reason"] == {"proxy 503": 1, "timeout": 1}
    assert {name: seen["statuses"] for name, seen in report["versions"].items()} == {
        "v1": {"200": 1},
        "v2": {"500": 1},
        tallies.NOBODY: {"503": 1},
    }
    assert report["versions"]["v2"]["error_ratio"] == 1.0
    assert report["latency_ms"]["max"] == 10_000


def test_browsers_keep_and_forget_cookies() -> None:
    """Those of a proxy included."""
    visitor = visitors.Visitor(0, ACCOUNT, {"session": "token"})
    visitor.absorb(["rollout=7-v2; Path=/; HttpOnly", "visit=abc; Max-Age=60"])
    assert visitor.cookie_header() == "session=token; rollout=7-v2; visit=abc"
    visitor.absorb(['session=""; Max-Age=0; Path=/'])
    assert "session" not in visitor.cookies


def test_nobody_asks_twice_before_the_answer() -> None:
    """A slow system gets as many requests, from new users: a form sent beside its own page would be refused."""
    crowd = visitors.Crowd([ACCOUNT], 3, Random(1))
    waiting = [crowd.next() for _ in range(5)]
    assert sorted(visitor.number for visitor in waiting) == [0, 1, 2, 3, 4]
    assert all(visitor.cookies["session"] == "token" for visitor in waiting)
    crowd.answered(waiting[2])
    assert crowd.next() is waiting[2]
    assert crowd.next().number == 5


def test_who_is_in_the_middle_of_something_goes_on_with_it_soon() -> None:
    """Before most of those who rest, and alone when nobody does."""
    crowd = visitors.Crowd([ACCOUNT], 100, Random(1))
    booking = crowd.next()
    booking.planned.extend([steps.Step("page", "GET", "/")])
    crowd.answered(booking)
    drawn = [crowd.next() for _ in range(20)]
    assert booking in drawn


def test_the_mix_uses_pages_and_api_and_writes_sometimes() -> None:
    """Every kind of request occurs; a clinician books in their own calendar only."""
    chance = Random(1)
    made = []
    for number in range(4000):
        visitor = visitors.Visitor(number, ACCOUNT, {"session": "token"})
        made.append(steps.next_step(visitor, chance))
    kinds = Counter(step.name for step in made)
    assert len(kinds) == 11
    pages = sum(count for name, count in kinds.items() if name.startswith("page"))
    assert 0.5 < pages / 4000 < 0.65
    assert {step.json["clinician_id"] for step in made if step.json} == {3}


def test_a_visitor_who_was_signed_out_signs_in_again() -> None:
    """With the token of the form that was shown."""
    visitor = visitors.Visitor(0, ACCOUNT)
    page = steps.next_step(visitor, Random(1))
    assert (page.path, page.learn is not None) == ("/sign-in", True)
    if page.learn:
        page.learn(visitor, 200, '<input name="form_token" value="abc123">')
    form = steps.next_step(visitor, Random(1))
    assert (form.path, form.form) == (
        "/sign-in",
        {"username": "clinician03", "password": "demo", "form_token": "abc123"},
    )
