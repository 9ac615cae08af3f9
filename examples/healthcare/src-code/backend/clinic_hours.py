"""When the clinic sees patients. Opening hours are wall-clock hours in the clinic's time zone; instants are UTC."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from backend import errors

OPENS = time(8, 0)
CLOSES = time(18, 0)
SLOT = timedelta(minutes=30)
HORIZON = timedelta(days=2 * 366)
_SATURDAY = 5


def local(instant: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """*instant* as the clock on the clinic's wall shows it, with its offset from UTC."""
    return instant.astimezone(zone)


def open_days(first: date, count: int) -> Iterator[date]:
    """The *count* next days on which the clinic opens, from *first* on."""
    day = first
    while count:
        if day.weekday() < _SATURDAY:
            yield day
            count -= 1
        day += timedelta(days=1)


def slots(day: date, zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """The starts, in UTC, of the half-hour slots on *day*; none when the clinic is closed."""
    if day.weekday() >= _SATURDAY:
        return []
    opens, closes = (datetime.combine(day, at, zone).astimezone(UTC) for at in (OPENS, CLOSES))
    return [opens + number * SLOT for number in range((closes - opens) // SLOT)]


def check_fits(starts_at: datetime, ends_at: datetime, now: datetime, zone: zoneinfo.ZoneInfo) -> None:
    """Refuse an appointment that the clinic cannot offer.

    Args:
        starts_at: Its start, aware.
        ends_at: Its end, aware, later than the start.
        now: The present, aware.
        zone: The clinic's time zone.

    Raises:
        UnfitTimeError: If it is past, too far ahead, or not within the opening hours of one day.
    """
    if not now < starts_at < now + HORIZON:
        message = "the time must lie ahead, within two years"
        raise errors.UnfitTimeError(message)
    start, end = local(starts_at, zone), local(ends_at, zone)
    within = start.weekday() < _SATURDAY and start.time() >= OPENS and end.time() <= CLOSES
    if start.date() != end.date() or not within:
        message = f"the clinic is open Monday to Friday, {OPENS:%H:%M} to {CLOSES:%H:%M} ({zone.key})"
        raise errors.UnfitTimeError(message)
