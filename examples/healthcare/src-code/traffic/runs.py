"""A run: requests leave when they are due, whether or not earlier ones were answered.

That is how users behave, and it keeps a slow system from hiding its slowness: a closed loop
would send less as soon as answers take longer.
"""

import asyncio
import contextlib
import dataclasses
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TextIO

from traffic import steps, tallies, visitors
from traffic.clients import Client, Outcome

_ACCOUNTS = [f"clinician{n:02}" for n in range(1, 21)] + [f"frontdesk{n:02}" for n in range(1, 6)]


@dataclass(frozen=True)
class Plan:
    """What to send: *rate* requests a second for *seconds*, by *users* over *connections*."""

    url: str
    rate: float
    seconds: float
    connections: int
    users: int
    timeout_seconds: float
    seed: int
    record: Path | None


def arrivals(rate: float, seconds: float, chance: Random) -> Iterator[float]:
    """When requests are due, in seconds from the start: a Poisson process, as independent users make one."""
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan, progress: Callable[[dict[str, Any]], None]) -> None:
        """Run *plan* and give every second's line to *progress*."""
        self._plan = plan
        self._progress = progress
        self._chance = Random(plan.seed)
        self._whole = tallies.Tally()
        self._this_second = tallies.Tally()
        self._second = 1
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._record: TextIO | None = None

    async def carry_out(self) -> dict[str, Any]:
        """Send everything, or until a signal, and return the report."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        client = Client(self._plan.url, self._plan.connections, self._plan.timeout_seconds)
        with contextlib.ExitStack() as files:
            if self._plan.record:
                self._record = files.enter_context(self._plan.record.open("w"))
            try:
                accounts = await asyncio.gather(*(client.sign_in(username) for username in _ACCOUNTS))
                return await self._send_all(client, visitors.Crowd(accounts, self._plan.users, self._chance))
            finally:
                await client.close()

    async def _send_all(self, client: Client, users: visitors.Crowd) -> dict[str, Any]:
        began = time.monotonic()
        ticker = asyncio.create_task(self._tick(began))
        sent = await self._send_when_due(client, users, began)
        sending_seconds = time.monotonic() - began
        if self._in_flight:
            await asyncio.wait(self._in_flight)
        ticker.cancel()
        if self._this_second.seconds:  # the answers that came after the last full second
            self._tell_second()
        told = {"url": self._plan.url, "seed": self._plan.seed, "seconds": round(sending_seconds, 2), "sent": sent}
        return told | self._whole.report()

    async def _send_when_due(self, client: Client, users: visitors.Crowd, began: float) -> int:
        sent = 0
        for sent, at in enumerate(arrivals(self._plan.rate, self._plan.seconds, self._chance), 1):
            await self._wait_until(began + at)
            if self._stop.is_set():
                return sent - 1
            task = asyncio.create_task(self._send(client, users, began + at, began))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        await self._wait_until(began + self._plan.seconds)
        return sent

    async def _wait_until(self, moment: float) -> None:
        delay = moment - time.monotonic()
        if delay > 0 and not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay)

    async def _send(self, client: Client, users: visitors.Crowd, due: float, began: float) -> None:
        visitor = users.next()
        outcome = await client.send(steps.next_step(visitor, self._chance), visitor, due, began)
        users.answered(visitor)
        self._whole.add(outcome)
        self._this_second.add(outcome)
        if self._record:
            self._record.write(_recorded(outcome))

    async def _tick(self, began: float) -> None:
        while True:
            await asyncio.sleep(began + self._second - time.monotonic())
            self._tell_second()

    def _tell_second(self) -> None:
        self._progress(self._this_second.line(self._second, len(self._in_flight)))
        self._this_second = tallies.Tally()
        self._second += 1


def _recorded(outcome: Outcome) -> str:
    return json.dumps(dataclasses.asdict(outcome)) + "\n"
