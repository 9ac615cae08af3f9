"""Opening hours follow the clock on the wall; instants are UTC."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from backend import appointments, clinic_hours, errors

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_opening_follows_daylight_saving() -> None:
    """Eight o'clock is 07:00 UTC on the Friday before the clocks change, and 06:00 UTC on the Monday after."""
    friday, monday = (clinic_hours.slots(date(2027, 3, day), BERLIN) for day in (26, 29))
    assert (friday[0], monday[0]) == (_at("2027-03-26T07:00Z"), _at("2027-03-29T06:00Z"))
    assert len(friday) == len(monday) == 20
    shown = [clinic_hours.local(slots[0], BERLIN).isoformat() for slots in (friday, monday)]
    assert shown == ["2027-03-26T08:00:00+01:00", "2027-03-29T08:00:00+02:00"]


def test_the_same_instant_fits_before_and_not_after_the_change() -> None:
    """06:30 UTC is half past seven in winter (closed) and half past eight in summer (open)."""
    with pytest.raises(errors.UnfitTimeError):
        clinic_hours.check_fits(_at("2027-03-26T06:30Z"), _at("2027-03-26T07:00Z"), NOW, BERLIN)
    clinic_hours.check_fits(_at("2027-03-29T06:30Z"), _at("2027-03-29T07:00Z"), NOW, BERLIN)


def test_offsets_do_not_matter_only_instants_do() -> None:
    """An appointment given in another time zone is judged by the clinic's clock."""
    starts_at = _at("2027-03-29T02:30-04:00")
    clinic_hours.check_fits(starts_at, starts_at + HALF_HOUR, NOW, BERLIN)


@pytest.mark.parametrize(
    ("starts_at", "minutes"),
    [
        ("2027-02-26T09:00Z", 30),
        ("2029-03-26T09:00Z", 30),
        ("2027-03-27T09:00Z", 30),
        ("2027-03-26T06:59Z", 30),
        ("2027-03-26T16:45Z", 30),
    ],
    ids=["past", "too far ahead", "Saturday", "before opening", "runs past closing"],
)
def test_times_that_the_clinic_cannot_offer_are_refused(starts_at: str, minutes: int) -> None:
    """Each for its own reason."""
    start = _at(starts_at)
    with pytest.raises(errors.UnfitTimeError):
        clinic_hours.check_fits(start, start + timedelta(minutes=minutes), NOW, BERLIN)


def test_the_clinic_is_closed_at_weekends() -> None:
    """No slots on a Saturday, and open days skip it."""
    assert clinic_hours.slots(date(2027, 3, 27), BERLIN) == []
    assert list(clinic_hours.open_days(date(2027, 3, 26), 2)) == [date(2027, 3, 26), date(2027, 3, 29)]


def test_naive_times_are_refused() -> None:
    """Nobody knows which nine o'clock is meant."""
    with pytest.raises(ValidationError, match="timezone"):
        appointments.Booking.model_validate({"clinician_id": 1, "patient_id": 1, "starts_at": "2027-03-29T09:00:00"})


def test_fields_of_a_later_version_are_ignored() -> None:
    """During a rollout a newer frontend speaks to an older backend."""
    told = {"clinician_id": 1, "patient_id": 1, "starts_at": "2027-03-29T09:00:00Z", "of_a_later_version": 1}
    assert appointments.Booking.model_validate(told).minutes == 30
