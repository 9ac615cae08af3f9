"""Long files, a piece at a time."""

from collections.abc import Iterator
from typing import IO

PIECE_BYTES = 1 << 20


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """What is left of a file; at most a MiB at a time."""
    while piece := file.read(PIECE_BYTES):
        yield piece
