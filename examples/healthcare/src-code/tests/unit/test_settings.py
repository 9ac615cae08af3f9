"""A wrong environment is refused with everything that is wrong."""

import io
import json
import logging

import pytest

import backend.settings
from service_kit import logs, settings

KEY = "k" * 32


def test_every_problem_is_named_at_once() -> None:
    """Nobody repairs an environment one restart at a time."""
    environment = {
        "PORT": "eighty",
        "HEALTHCARE_FAULT": "sometimes",
        "SESSION_KEY": "short",
        "CLINIC_TIME_ZONE": "Mars",
    }
    reader = settings.Reader(environment)
    backend.settings.read(reader)
    with pytest.raises(settings.SettingsError) as caught:
        reader.finish()
    for name in ("PORT", "HEALTHCARE_FAULT", "SESSION_KEY", "CLINIC_TIME_ZONE", "DATABASE_URL"):
        assert name in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_right_environment_is_read() -> None:
    """Defaults listen on the machine itself only."""
    reader = settings.Reader({"DATABASE_URL": "postgresql://db/x", "SESSION_KEY": f"{KEY} {KEY}2", "PORT": "8080"})
    read = backend.settings.read(reader)
    reader.finish()
    assert (read.service.host, read.service.port, read.service.version) == ("127.0.0.1", 8080, "development")
    assert read.session_keys == (KEY, KEY + "2")


def test_logs_are_json_and_never_quote_an_error() -> None:
    """A database error quotes rows; its type and place are enough."""
    stream = io.StringIO()
    output = logging.StreamHandler(stream)
    output.setFormatter(logs.JsonFormatter("backend", "v1.0"))
    log = logging.Logger("test")  # noqa: LOG001 - a logger of its own, for nobody else to see
    log.addHandler(output)
    try:
        message = "Failing row contains (Ada Abel, 1980-01-01)"
        raise ValueError(message)  # noqa: TRY301 - to be caught is what it is for
    except ValueError:
        log.exception("request failed", extra={"status": 500})
    line = json.loads(stream.getvalue())
    assert (line["service"], line["event"], line["status"]) == ("backend", "request failed", 500)
    assert line["error"]["type"] == "builtins.ValueError"
    assert line["error"]["places"][0].startswith("test_settings.py:")
    assert "Ada" not in stream.getvalue()
