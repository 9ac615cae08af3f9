"""Whether anything was recorded while one request was being answered: then its answer belongs to that."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Effects:
    """What one request has led to so far."""

    recorded: bool = False


_present: ContextVar[Effects | None] = ContextVar("effects", default=None)


@contextmanager
def noticed() -> Iterator[Effects]:
    """Notice what is recorded within, in threads that are given this context too."""
    effects = Effects()
    token = _present.set(effects)
    try:
        yield effects
    finally:
        _present.reset(token)


def recorded() -> None:
    """Say that entries were committed: what does so calls it, whoever asked for it."""
    effects = _present.get()
    if effects is not None:
        effects.recorded = True
