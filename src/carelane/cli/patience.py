"""Waiting that outlives the server: who follows something goes on where it was once another server is up."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import click

from carelane.base.errors import Unavailable
from carelane.cli.client import Client

AWAY_SECONDS = 120.0
"""How long a server may be away before whoever follows something gives up."""
AGAIN_SECONDS = 0.3
T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """What *ask* gives, tried again while no server answers; that is said once.

    Raises:
        Unavailable: If none does for too long.
    """
    give_up: float | None = None
    while True:
        try:
            return ask()
        except Unavailable as away:
            if give_up is None:
                give_up = time.monotonic() + AWAY_SECONDS
                click.echo(f"{away.message}: waiting for it, {AWAY_SECONDS:g} s at most", err=True)
            if time.monotonic() > give_up:
                raise
            time.sleep(AGAIN_SECONDS)


def lines(
    client: Client, path: str, query: Callable[[datetime | None], Mapping[str, object]]
) -> Iterator[str]:
    """The lines of a stream without end; where it ends all the same it is asked for again.

    What is asked for is told by *query*: at first (None), and after the stream broke off at a moment.

    Raises:
        Unavailable: If no server answers for too long.
    """
    broke: datetime | None = None
    told = False
    while True:
        why = "the server has ended"
        try:
            for line in client.lines(path, **query(broke)):
                told = False
                yield line
            broke = datetime.now(UTC)
        except Unavailable as away:
            why = away.message
            if broke is None or (datetime.now(UTC) - broke).total_seconds() > AWAY_SECONDS:
                raise
        if not told:
            told = True
            click.echo(f"{why}: waiting for it, {AWAY_SECONDS:g} s at most", err=True)
        time.sleep(AGAIN_SECONDS)
