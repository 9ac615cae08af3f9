"""Which process a pid means: boot, pid and start time together; a reused pid is never signalled."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carelane.base.clock import since_boot
from carelane.platforms.processes.shim import boot_id, glance, start_time

_BOOT = boot_id()
STOPPED = b"T"
"""By SIGSTOP, and not let go on: it does nothing, for ever."""


def alive(shim: Mapping[str, Any] | None, who: Mapping[str, Any] | None) -> bool:
    """Whether the process written down as *who*, by the *shim* of that boot, still runs.

    One without a start had ended when it was written down.
    """
    return state(shim, who) is not None


def state(shim: Mapping[str, Any] | None, who: Mapping[str, Any] | None) -> bytes | None:
    """The kernel's letter for what *who* does (see `alive`; STOPPED for one), None where it does not run."""
    if not shim or not who or shim.get("boot") != _BOOT or who["start"] is None:
        return None
    seen = glance(who["pid"])
    return seen[0] if seen is not None and seen[1] == who["start"] else None


def age_seconds(who: Mapping[str, Any]) -> float:
    """How long *who*, a process of this boot, has run: by the kernel, whoever sets the machine's clock."""
    started: float = who["start"] / os.sysconf("SC_CLK_TCK")
    return max(0.0, since_boot() - started)


def resident_bytes(who: Mapping[str, Any]) -> int | None:
    """How much memory *who* has resident; None where it is gone."""
    try:
        pages = int(Path(f"/proc/{who['pid']}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def send(who: Mapping[str, Any], number: signal.Signals) -> bool:
    """Signal the very process *who*; False where it is gone.

    The descriptor is taken before the start time is checked, so the pid cannot change hands between.
    """
    try:
        handle = os.pidfd_open(who["pid"])
    except OSError:
        return False
    try:
        if start_time(who["pid"]) != who["start"]:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
