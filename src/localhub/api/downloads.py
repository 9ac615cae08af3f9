"""Large answers, a piece at a time: neither a log nor an artifact is ever held whole."""

from collections.abc import Iterator
from os import SEEK_END
from typing import IO

from fastapi.responses import StreamingResponse

from localhub.base.pieces import pieces


def archive(file: IO[bytes]) -> StreamingResponse:
    """A ZIP file, closed once it is read."""
    length = file.seek(0, SEEK_END)
    file.seek(0)
    return StreamingResponse(
        _pieces(file), media_type="application/zip", headers={"Content-Length": str(length)}
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from pieces(file)
