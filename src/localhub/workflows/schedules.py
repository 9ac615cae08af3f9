"""When a schedule's time comes.

Source: docs.github.com, "Events that trigger workflows", schedule: five fields, and no oftener than
every five minutes.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from localhub.base.errors import InputError

MINIMUM_INTERVAL = timedelta(minutes=5)
FIELDS = re.compile(r"[0-9A-Za-z*,/-]+(?: +[0-9A-Za-z*,/-]+){4}")
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
"""A leap year's first day: where a schedule is tried out."""


def check(cron: str, timezone: str = "UTC") -> None:
    """Refuses what is no schedule, or one whose time never comes.

    Raises:
        InputError: Saying what would be right.
    """
    next_time(cron, BEGINNING, timezone)


def next_time(cron: str, after: datetime, timezone: str = "UTC") -> datetime:
    """The schedule's first time later than *after*, in UTC.

    A schedule that would come oftener than every five minutes comes every five minutes, or as soon after
    as its fields allow: asked for with the time it last came, it gives the time it is next due.

    Raises:
        InputError: If it is no schedule, its time never comes, or there is no such time zone.
    """
    if not FIELDS.fullmatch(cron):
        raise InputError(
            f"Invalid cron expression '{cron}'. Expected format: '* * * * *' (minute hour day month weekday)"
        )
    try:
        zone = ZoneInfo(timezone)
        times = CronSim(cron, after.astimezone(zone))
        first, second = next(times), next(times)
        if second - first < MINIMUM_INTERVAL:
            first = next(CronSim(cron, (after + MINIMUM_INTERVAL - timedelta(seconds=1)).astimezone(zone)))
    except CronSimError as error:
        raise InputError(f"Invalid cron expression '{cron}': {error}") from error
    except StopIteration:
        raise InputError(f"The time of '{cron}' never comes") from None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputError(f"There is no time zone '{timezone}'", hint="such as Europe/Berlin") from error
    return first.astimezone(UTC)
