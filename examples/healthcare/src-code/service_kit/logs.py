"""Structured logs: one JSON object a line on standard output, without patient data.

An exception is written as its type and the places it passed through. Its message is left
out on purpose: a database error quotes the row that it refused, and that row may be a patient's.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

from service_kit import settings

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON; what was given as ``extra`` becomes fields of its own."""

    def __init__(self, service: str, version: str) -> None:
        """Stamp every line with *service* and *version*."""
        super().__init__()
        self._stamp = {"service": service, "version": version}

    def format(self, record: logging.LogRecord) -> str:
        """The line for *record*, without the final newline."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._stamp,
            "event": record.getMessage(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, default=str)


def describe(error: BaseException) -> dict[str, object]:
    """The type of *error* and where it came from, innermost place last; never its message."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "places": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }


def configure(service: settings.ServiceSettings, stream: TextIO = sys.stdout) -> None:
    """Send every logger of this process to *stream* as JSON."""
    output = logging.StreamHandler(stream)
    output.setFormatter(JsonFormatter(service.service, service.version))
    logging.basicConfig(handlers=[output], level=service.log_level, force=True)
    for chatty in ("uvicorn", "uvicorn.error", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
