"""What --since means."""

from datetime import UTC, datetime, timedelta

import pytest

from carelane.base.errors import InputError
from carelane.cli.logs import moment

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("30s", timedelta(seconds=30)),
        ("1.5m", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("2026-01-31T11:59Z", timedelta(minutes=1)),
        ("2026-01-31T11:59+00:00", timedelta(minutes=1)),
    ],
)
def test_a_while_ago_or_a_time(text: str, ago: timedelta) -> None:
    assert moment(text, NOW) == NOW - ago


def test_a_time_without_a_zone_is_of_this_machine() -> None:
    assert moment("2026-01-31T12:00", NOW).tzinfo is not None


@pytest.mark.parametrize("text", ["yesterday", "5 minutes", "-5m", "99999999999d", "0001-01-01", "", "5x"])
def test_what_is_no_time_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        moment(text, NOW)
