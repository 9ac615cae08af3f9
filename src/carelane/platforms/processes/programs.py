"""The programs that make what a release needs: each ends in time, says so much, and ends with the server."""

import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import IO

from carelane.base.errors import PlatformError, Unavailable

LONGEST_SECONDS = 900.0
"""How long one may take: what builds a source is anybody's code, and may never end."""
HEARD_BYTES = 16 << 10
"""Of what a program says, its last words are kept."""


class Programs:
    """Those that run for one server, which waits for them: so it has to be able to end them."""

    def __init__(self) -> None:
        self._under_way: set[subprocess.Popen[bytes]] = set()
        self._over = False
        self._one_at_a_time = threading.Lock()

    def run(self, what: str, command: Sequence[str], *, must: bool = True) -> None:
        """Run *command* to its end.

        Raises:
            PlatformError: If it does not end in time or, where it *must* not, fails; with its last words.
            Unavailable: If the server ends.
        """
        with tempfile.TemporaryFile() as said:
            process = self._begun(command, said)
            try:
                code = process.wait(LONGEST_SECONDS)
            except subprocess.TimeoutExpired:
                raise PlatformError(f"{what} did not end within {LONGEST_SECONDS:g} s") from None
            finally:
                self._forget(process)
            self._refuse_at_the_end()
            if code != 0 and must:
                raise PlatformError(f"{what} failed: {_last_words(said)}")

    def end(self) -> None:
        """End those that run, and begin no more."""
        with self._one_at_a_time:
            self._over = True
            for process in self._under_way:
                process.kill()

    def _begun(self, command: Sequence[str], said: IO[bytes]) -> "subprocess.Popen[bytes]":
        with self._one_at_a_time:
            self._refuse_at_the_end()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            self._under_way.add(process)
            return process

    def _forget(self, process: "subprocess.Popen[bytes]") -> None:
        with self._one_at_a_time:
            self._under_way.discard(process)
        process.kill()
        process.wait()

    def _refuse_at_the_end(self) -> None:
        if self._over:
            raise Unavailable("the server is ending", hint="ask again once it is up")


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, 2) - HEARD_BYTES))
    return "\n".join(said.read().decode(errors="replace").strip().splitlines()[-5:])
