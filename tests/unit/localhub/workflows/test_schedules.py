from datetime import UTC, datetime, timedelta

import pytest

from localhub.base.errors import InputError
from localhub.workflows import schedules

MONDAY = datetime(2026, 11, 23, 5, 29, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 5 * * 1-5", "2026-11-23T05:30"),
        ("30 5 * * 0", "2026-11-29T05:30"),
        ("0 0 1 * *", "2026-12-01T00:00"),
        ("15,45 */6 * * *", "2026-11-23T06:15"),
        ("0 12 29 FEB *", "2028-02-29T12:00"),
        ("0 9 * * MON", "2026-11-23T09:00"),
    ],
)
def test_the_next_time_comes(cron: str, expected: str) -> None:
    assert schedules.next_time(cron, MONDAY) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_time_zone_is_kept_over_the_change_of_the_clocks() -> None:
    before = schedules.next_time("30 9 * * *", datetime(2026, 10, 24, tzinfo=UTC), "Europe/Berlin")
    after = schedules.next_time("30 9 * * *", before, "Europe/Berlin")
    assert after - before == timedelta(hours=25)


def test_no_schedule_comes_oftener_than_every_five_minutes() -> None:
    """docs.github.com: "The shortest interval you can run scheduled workflows is once every 5 minutes"."""
    first = schedules.next_time("* * * * *", MONDAY)
    second = schedules.next_time("* * * * *", first)
    assert second - first == timedelta(minutes=5)
    assert schedules.next_time("*/5 * * * *", first) - first <= timedelta(minutes=5)


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "often",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "0 0 31 2 *",
        "@daily",
        "*/0 * * * *",
    ],
)
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(InputError):
        schedules.check(cron)


def test_an_unknown_time_zone_is_refused() -> None:
    for timezone in ["Mars/Phobos", "../../etc/passwd", ""]:
        with pytest.raises(InputError, match="time zone"):
            schedules.check("0 0 * * *", timezone)
