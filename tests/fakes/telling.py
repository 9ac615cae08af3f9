"""What is to be told, in a list."""

from dataclasses import dataclass
from datetime import datetime

from carelane.audit.ports import Trail
from carelane.audit.telling import Pending

AT_ONCE = 100


@dataclass
class _Delivery:
    position: int
    destination: str
    due_at: datetime
    attempts: int = 0
    done: bool = False
    problem: str = ""


class InMemoryQueue:
    """The Queue port in memory; *settled* says how the last attempt at each destination went."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._position: int | None = None
        self._deliveries: list[_Delivery] = []
        self.settled: dict[str, str] = {}

    def position(self) -> int:
        """How far the trail was read."""
        if self._position is None:
            self._position = self._trail.last_position()
        return self._position

    def enqueue(self, upto: int, told: list[tuple[int, str]], now: datetime) -> None:
        """Note who is to be told."""
        self._position = upto
        self._deliveries += [_Delivery(position, destination, now) for position, destination in told]

    def due(self, now: datetime) -> list[Pending]:
        """What is to be tried."""
        waiting = [(n, d) for n, d in enumerate(self._deliveries, 1) if not d.done and d.due_at <= now]
        return [
            Pending(number, d.destination, self._trail.after(d.position - 1, 1)[0].entry, d.attempts)
            for number, d in waiting[:AT_ONCE]
        ]

    def settle(self, number: int, *, done: bool, problem: str, due_at: datetime) -> None:
        """How it went."""
        delivery = self._deliveries[number - 1]
        delivery.done, delivery.problem, delivery.due_at = done, problem, due_at
        delivery.attempts += 1
        self.settled[delivery.destination] = problem
