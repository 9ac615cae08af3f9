"""The worker's settings, from the environment."""

from dataclasses import dataclass
from pathlib import Path

from service_kit import settings


@dataclass(frozen=True)
class RemindersSettings:
    """What the worker is told."""

    service: settings.ServiceSettings
    database_url: str
    log_path: Path | None
    poll_seconds: float


def read(reader: settings.Reader) -> RemindersSettings:
    """The settings as *reader* finds them; problems stay with it."""
    path = reader.text("REMINDERS_LOG", "-")
    return RemindersSettings(
        service=settings.read_service("reminders", reader, 0),
        database_url=reader.text("DATABASE_URL"),
        log_path=None if path == "-" else Path(path),
        poll_seconds=reader.number("POLL_SECONDS", 1.0, 0.01, 3600.0),
    )
