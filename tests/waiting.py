"""Waiting for a state itself, with a deadline."""

import time
from collections.abc import Callable

AGAIN_SECONDS = 0.02


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Ask *condition* until it holds; fail with *what* was awaited after *seconds*."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds:g} s: {what}"
        time.sleep(AGAIN_SECONDS)
