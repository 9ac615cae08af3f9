"""Settings, read once from the environment; every problem is named in one error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from service_kit import faults

Parsed = TypeVar("Parsed")

EXIT_CODE_BAD_SETTINGS = 2
SHORTEST_KEY_CHARACTERS = 32


class SettingsError(Exception):
    """The environment cannot be used; the message names every problem."""


class Reader:
    """Reads variables one by one and remembers what was wrong until :meth:`finish`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read from *environment*, a mapping like ``os.environ``."""
        self._environment = environment
        self._problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The value of *name*; without a default it is required."""
        value = self._environment.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._problems.append(f"{name} is not set")
        return default or ""

    def parsed(self, name: str, default: str, parse: Callable[[str], Parsed], fallback: Parsed) -> Parsed:
        """The value of *name* as *parse* understands it; its ValueError becomes a named problem."""
        try:
            return parse(self.text(name, default))
        except ValueError as error:
            self._problems.append(f"{name}: {error}")
            return fallback

    def number(self, name: str, default: float, lowest: float, highest: float) -> float:
        """A number from *lowest* to *highest*."""

        def parse(text: str) -> float:
            value = float(text)
            if not lowest <= value <= highest:
                message = f"{text} is not between {lowest:g} and {highest:g}"
                raise ValueError(message)
            return value

        return self.parsed(name, str(default), parse, default)

    def keys(self, name: str) -> tuple[str, ...]:
        """Signing keys, separated by white space, oldest first: the last one signs, all of them verify."""
        keys = tuple(self.text(name).split())
        if any(len(key) < SHORTEST_KEY_CHARACTERS for key in keys):
            self._problems.append(f"{name}: a key has fewer than {SHORTEST_KEY_CHARACTERS} characters")
        return keys

    def finish(self) -> None:
        """Refuse a wrong environment.

        Raises:
            SettingsError: If any variable read so far was missing or wrong.
        """
        if self._problems:
            raise SettingsError("; ".join(self._problems))


@dataclass(frozen=True)
class ServiceSettings:
    """What any service is told: its address, its version, how it stops, and which fault it has on trial."""

    service: str
    host: str
    port: int
    version: str
    commit: str
    drain_seconds: float
    log_level: str
    fault: faults.Fault


def read_service(service: str, reader: Reader, default_port: int) -> ServiceSettings:
    """The settings that all services share; problems stay with *reader*."""
    return ServiceSettings(
        service=service,
        host=reader.text("HOST", "127.0.0.1"),
        port=int(reader.number("PORT", default_port, 0, 65535)),
        version=reader.text("APP_VERSION", "development"),
        commit=reader.text("APP_COMMIT", "unknown"),
        drain_seconds=reader.number("DRAIN_SECONDS", 1.0, 0.0, 60.0),
        log_level=reader.parsed("LOG_LEVEL", "info", _log_level, "INFO"),
        fault=reader.parsed("HEALTHCARE_FAULT", "none", faults.parse, faults.NONE),
    )


def _log_level(text: str) -> str:
    known = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in known:
        message = f"{text!r} is unknown; known: {', '.join(known).lower()}"
        raise ValueError(message)
    return text.upper()
