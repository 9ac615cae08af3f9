"""Faults on purpose, for trials of the delivery: ``HEALTHCARE_FAULT=errors:0.05,latency:800ms:0.3``.

A release that carries one is worse in a known way, so that whoever ships it can be
seen to notice; ``errors:0.2:60s`` begins only after a minute, ``errors:0.2:500requests`` after
so many. Probes, health, version and metrics are never touched by ``errors`` and ``latency``.
"""

import asyncio
import dataclasses
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

KNOWN = "none, errors:SHARE[:AFTER], latency:DURATION[:SHARE], unready, crash[:DURATION], hang[:DURATION], leak:SIZE"
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0}
_BYTES_PER_UNIT = {"B": 1, "KiB": 1024, "MiB": 1024**2}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """Everything that is wrong on purpose with this process; the default is nothing."""

    error_ratio: float = 0.0
    errors_after_seconds: float = 0.0
    errors_after_requests: int = 0
    latency_seconds: float = 0.0
    latency_ratio: float = 0.0
    unready: bool = False
    crash_after_seconds: float | None = None
    hang_after_seconds: float | None = None
    leak_bytes: int = 0

    def arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the clock of the faults that come after a while: a crash, a hang."""
        if self.crash_after_seconds is not None:
            loop.call_later(self.crash_after_seconds, crash)
        if self.hang_after_seconds is not None:
            loop.call_later(self.hang_after_seconds, hang)


NONE = Fault()


def crash() -> None:
    """End the process as a crash would: at once, with nothing finished."""
    _log.error("crashing on purpose")
    os._exit(1)


def hang() -> None:
    """Block the calling thread for good; only SIGKILL ends it."""
    _log.error("hanging on purpose")
    while True:
        time.sleep(3600)


def parse(text: str) -> Fault:
    """The fault that *text* describes, several joined with commas.

    Raises:
        ValueError: If a part is unknown, malformed or given twice; the message says what would be right.
    """
    fault, seen = NONE, set[str]()
    for part in (part.strip() for part in text.split(",")):
        name, *values = part.split(":")
        if name in seen:
            message = f"{name!r} is given twice"
            raise ValueError(message)
        seen.add(name)
        fault = _with_part(fault, part, name, values)
    return fault


def _with_part(fault: Fault, part: str, name: str, values: list[str]) -> Fault:
    makers: dict[str, tuple[int, int, Callable[..., dict[str, object]]]] = {
        "none": (0, 0, dict),
        "errors": (1, 2, lambda share, after="0s": {"error_ratio": _ratio(share), **_after(after)}),
        "latency": (
            1,
            2,
            lambda duration, share="1": {"latency_seconds": _seconds(duration), "latency_ratio": _ratio(share)},
        ),
        "unready": (0, 0, lambda: {"unready": True}),
        "crash": (0, 1, lambda after="20s": {"crash_after_seconds": _seconds(after)}),
        "hang": (0, 1, lambda after="5s": {"hang_after_seconds": _seconds(after)}),
        "leak": (1, 1, lambda size: {"leak_bytes": _bytes(size)}),
    }
    fewest, most, make = makers.get(name, (1, 0, dict))
    if not fewest <= len(values) <= most:
        message = f"{part!r} is not a fault; known: {KNOWN}"
        raise ValueError(message)
    return dataclasses.replace(fault, **make(*values))  # type: ignore[arg-type]  # the makers name the fields


def _ratio(text: str) -> float:
    value = float(text) if re.fullmatch(r"\d*\.?\d+", text) else -1.0
    if not 0.0 <= value <= 1.0:
        message = f"share {text!r} is not a number from 0 to 1"
        raise ValueError(message)
    return value


def _after(text: str) -> dict[str, object]:
    if text.endswith("requests"):
        return {"errors_after_requests": int(_quantity(text, {"requests": 1}, "a number such as 500requests"))}
    return {"errors_after_seconds": _seconds(text)}


def _seconds(text: str) -> float:
    return _quantity(text, _SECONDS_PER_UNIT, "a duration such as 800ms, 20s or 2m")


def _bytes(text: str) -> int:
    return int(_quantity(text, _BYTES_PER_UNIT, "a size such as 512KiB or 1MiB"))


def _quantity(text: str, units: dict[str, float] | dict[str, int], wanted: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]+)", text)
    if match is None or match[2] not in units:
        message = f"{text!r} is not {wanted}"
        raise ValueError(message)
    return float(match[1]) * units[match[2]]
