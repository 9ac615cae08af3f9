"""The backend's settings, from the environment."""

import zoneinfo
from dataclasses import dataclass

from service_kit import settings

DEFAULT_PORT = 8001
DEFAULT_TIME_ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class BackendSettings:
    """What the backend is told."""

    service: settings.ServiceSettings
    database_url: str
    session_keys: tuple[str, ...]
    time_zone: zoneinfo.ZoneInfo


def read(reader: settings.Reader) -> BackendSettings:
    """The settings as *reader* finds them; problems stay with it."""
    return BackendSettings(
        service=settings.read_service("backend", reader, DEFAULT_PORT),
        database_url=reader.text("DATABASE_URL"),
        session_keys=reader.keys("SESSION_KEY"),
        time_zone=read_time_zone(reader),
    )


def read_time_zone(reader: settings.Reader) -> zoneinfo.ZoneInfo:
    """The clinic's time zone."""

    def parse(name: str) -> zoneinfo.ZoneInfo:
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, OSError):
            message = f"{name!r} is not a time zone such as Europe/Berlin"
            raise ValueError(message) from None

    return reader.parsed("CLINIC_TIME_ZONE", DEFAULT_TIME_ZONE, parse, zoneinfo.ZoneInfo(DEFAULT_TIME_ZONE))
