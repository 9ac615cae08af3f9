"""What a process that we start needs of our own environment: where programs are and how text is written.

All else stays where it was given: it may hold secrets, and anybody of this user can read /proc/PID/environ.
"""

import os
from collections.abc import Iterable

PLAIN = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("PYTHONPATH", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"),
)


def plain(*more: str) -> dict[str, str]:
    """The variables that tell nothing about anybody, and those called *more*, as far as they are set."""
    return chosen((*PLAIN, *more))


def chosen(names: Iterable[str]) -> dict[str, str]:
    """The variables of these names that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}
