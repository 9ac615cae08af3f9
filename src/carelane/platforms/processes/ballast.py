"""The Room port: files that hold nothing, to be given up when an emergency finds the disk full."""

import contextlib
import os
import shutil
from pathlib import Path

PART_BYTES = 16 << 20
PARTS = 4
ROOMY = 8
"""It is laid down only where so many times as much is free: it must not be what fills the disk."""
AGAIN_SECONDS = 60.0


class Ballast:
    """64 MiB in four parts below *folder*; each is given up for itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def restore(self) -> float:
        """Lay down what is missing, where there is plenty of room; seconds until that is due again."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for part in self._parts():
            plenty = shutil.disk_usage(self._folder).free >= ROOMY * PARTS * PART_BYTES
            if plenty and not part.exists():
                self._lay_down(part)
        return AGAIN_SECONDS

    def make(self) -> bool:
        """Give up one part; False where none is left."""
        for part in self._parts():
            with contextlib.suppress(OSError):
                part.unlink()
                return True
        return False

    def _parts(self) -> list[Path]:
        return [self._folder / f"part-{number}" for number in range(1, PARTS + 1)]

    @staticmethod
    def _lay_down(part: Path) -> None:
        aside = part.with_suffix(".new")
        with aside.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, PART_BYTES)
        aside.rename(part)
