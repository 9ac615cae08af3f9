"""Work on many traces, in pieces that several processes take one by one."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Row = TypeVar("Row")
Result = TypeVar("Result")
PIECE = 100
MOST_WORKERS = 4


class Workers:
    """As many processes as there are cores, up to a few; the order in which they end changes nothing."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def over(
        self, work: Callable[[Row, range], list[Result]], row: Row, traces: int
    ) -> "Callable[[], list[Result]]":
        """Begin *work* on so many *traces* of *row*; what comes of it, in their order, once that is asked."""
        begun: list[Future[list[Result]]] = [
            self._executor.submit(work, row, range(start, min(traces, start + PIECE)))
            for start in range(0, traces, PIECE)
        ]
        return lambda: [result for piece in begun for result in piece.result()]


@contextmanager
def workers() -> Iterator[Workers]:
    """Processes that end with the block."""
    with ProcessPoolExecutor(min(MOST_WORKERS, os.cpu_count() or 1)) as executor:
        yield Workers(executor)
