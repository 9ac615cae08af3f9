"""The documents as they could be read last, for a process that starts while one of them is damaged or gone.

Without them it would know less than the proxies do. What cannot be written here is removed: what is older
than what the proxies have would take something away from them.
"""

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

from carelane.base import json_files

log = logging.getLogger("xds")


class Good:
    """A copy of each document in *folder*, written aside and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._noted: dict[str, bytes] = {}

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Each by its file's name; none that cannot be read."""
        try:
            there = sorted(self._folder.glob("[!.]*.json"))
        except OSError:
            return
        for path in there:
            try:
                yield path.name, path.read_bytes()
            except OSError as error:
                log.error("%s cannot be read: %s", path.name, error)  # noqa: TRY400 - its text says it all

    def note(self, name: str, text: bytes) -> None:
        """This could be read: `keep` writes it."""
        self._noted[name] = text

    def keep(self, names: Collection[str]) -> None:
        """Write what was noted; of what is not among *names* any more nothing is kept."""
        noted, self._noted = self._noted, {}
        for name, text in noted.items():
            self._write(name, text)
        if noted:
            for path in self._folder.glob("[!.]*.json"):
                if path.name not in names:
                    _remove(path)

    def _write(self, name: str, text: bytes) -> None:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            json_files.put(self._folder / name, text)
        except OSError as error:
            log.error("%s cannot be kept: %s", name, error)  # noqa: TRY400 - its text says it all
            _remove(self._folder / f".{name}")
            _remove(self._folder / name)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("%s cannot be removed: %s", path.name, error)  # noqa: TRY400 - its text says it all
