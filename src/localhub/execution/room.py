"""Room on the disk: a job that has taken much of it ends before there is none left for anybody."""

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Room:
    """How much of the disk is to stay free, and how much a job may have on it once there is less."""

    least_free_bytes: int = 2 * GIB
    most_taken_bytes: int = GIB

    def lacking(self, folder: Path) -> str:
        """Why the job in *folder* must end, for people; "" while there is room, or it has not taken much."""
        disk = os.statvfs(folder)
        if disk.f_bavail * disk.f_frsize >= self.least_free_bytes:
            return ""
        taken = _taken_bytes(folder)
        if taken <= self.most_taken_bytes:
            return ""
        return (
            f"The disk has less than {self.least_free_bytes / GIB:g} GiB left, and this job has"
            f" {taken / GIB:.1f} GiB on it: it was ended."
        )

    def watched(self, folder: Path, lacks: Callable[[str], None], over: threading.Event) -> None:
        """Look at *folder* until it is *over*; what it *lacks* is told once."""
        while not over.wait(EVERY_SECONDS):
            try:
                words = self.lacking(folder)
            except OSError:
                continue  # it is going just now
            if words:
                lacks(words)
                return


def _taken_bytes(folder: Path) -> int:
    """What *folder* takes on the disk, links within it counted once; 0 where nobody can say."""
    done = subprocess.run(
        ["du", "--summarize", "--one-file-system", "--block-size=1", "--", str(folder)],
        capture_output=True,
        check=False,
    )
    first = done.stdout.split(b"\t")[0]
    return int(first) if first.isdigit() else 0
