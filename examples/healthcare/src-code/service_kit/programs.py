"""The way into every service: bad settings end it with one clear line instead of a traceback."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from service_kit import settings

Settings = TypeVar("Settings")


def read_or_exit(read: Callable[[settings.Reader], Settings]) -> Settings:
    """What *read* makes of the environment; wrong settings end the process with exit code 2."""
    reader = settings.Reader(os.environ)
    try:
        made = read(reader)
        reader.finish()
    except settings.SettingsError as error:
        sys.stderr.write(f"refusing to start: {error}\n")
        raise SystemExit(settings.EXIT_CODE_BAD_SETTINGS) from None
    return made
