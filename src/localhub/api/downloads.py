"""Large answers, a piece at a time: neither a log nor an artifact is ever held whole."""

from collections.abc import Iterator
from os import SEEK_END
from typing import IO

from fastapi.responses import StreamingResponse

PIECE_BYTES = 1 << 20


def archive(file: IO[bytes]) -> StreamingResponse:
    """A ZIP file, closed once it is read."""
    length = file.seek(0, SEEK_END)
    file.seek(0)
    return StreamingResponse(
        _pieces(file), media_type="application/zip", headers={"Content-Length": str(length)}
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
