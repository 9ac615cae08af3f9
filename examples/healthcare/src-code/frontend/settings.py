"""The frontend's settings, from the environment."""

from dataclasses import dataclass

from service_kit import settings

DEFAULT_PORT = 8002


@dataclass(frozen=True)
class FrontendSettings:
    """What the frontend is told."""

    service: settings.ServiceSettings
    backend_url: str
    session_keys: tuple[str, ...]
    secure_cookies: bool


def read(reader: settings.Reader) -> FrontendSettings:
    """The settings as *reader* finds them; problems stay with it."""
    return FrontendSettings(
        service=settings.read_service("frontend", reader, DEFAULT_PORT),
        backend_url=reader.parsed("BACKEND_URL", "http://127.0.0.1:8001", _url, ""),
        session_keys=reader.keys("SESSION_KEY"),
        secure_cookies=reader.text("SECURE_COOKIES", "no").lower() in ("yes", "true", "1"),
    )


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        message = f"{text!r} is not an http:// or https:// address"
        raise ValueError(message)
    return text.rstrip("/")
