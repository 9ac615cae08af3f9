"""By what the proxies know Carelane's own questions: made once, and kept beside their files."""

import re
import secrets
from pathlib import Path

from carelane.base import json_files
from carelane.platforms.envoy.published import replace

OWN_KEY = "own.key"
_FORM = re.compile(rb"[0-9a-f]{32}")


def kept(folder: Path) -> str:
    """The key that is kept in *folder*; one that is missing or damaged is made.

    Raises:
        PlatformError: If it cannot be written.
    """
    place = folder / OWN_KEY
    try:
        raw, wrong = place.read_bytes(), "it is no key of 32 hexadecimal digits"
    except FileNotFoundError:
        return _made(place)
    except OSError as error:
        raw, wrong = b"", str(error)
    if _FORM.fullmatch(raw):
        return raw.decode()
    json_files.set_aside(place, wrong)
    return _made(place)


def _made(place: Path) -> str:
    key = secrets.token_hex(16)
    replace(place, key)
    return key
