"""The time that this system reckons by, kept from one server to the next."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from carelane.base import json_files
from carelane.base.clock import Reckoning, SteadyClock
from carelane.platforms.processes.shim import boot_id

KEEP_EVERY_SECONDS = 60.0


class Timekeeping:
    """A clock, and the file by which the next server's goes on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        known = json_files.read(file, {"boot": str, "offset_seconds": float | int, "last": float | int})
        before = None if known is None else Reckoning(**known)
        self.clock = SteadyClock(boot_id(), before)
        self.before = None if before is None else datetime.fromtimestamp(before.last, UTC)
        """The last time that an earlier server is known to have been there; None for the first."""

    def keep(self) -> float:
        """Write it down; the seconds until that is due again."""
        json_files.write(self._file, asdict(self.clock.reckoning()))
        return KEEP_EVERY_SECONDS
