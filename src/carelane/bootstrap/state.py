"""What is recorded: is it whole, a copy of it, and a copy put back. None of it needs a server."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from carelane.base import json_files
from carelane.base.errors import CarelaneError, ConflictError, Damaged
from carelane.bootstrap.holding import hold
from carelane.bootstrap.places import Places
from carelane.bootstrap.unknown import running
from carelane.store import backups


def check(system: Path) -> dict[str, Any]:
    """Whether what is recorded is whole; what is wrong is in ``problems``, none where all is well."""
    places = Places(system)
    found, problems = None, []
    try:
        found = asdict(backups.check(places.database))
    except CarelaneError as error:
        problems.append(error.message)
        if len(runs := running(places)) > 0:
            problems.append(f"it runs all the same: {', '.join(str(each) for each in runs)}")
    aside = [str(path.relative_to(places.state)) for path in json_files.damaged(places.state)]
    return {"database": str(places.database), "found": found, "problems": problems, "set_aside": aside}


def backup(system: Path, target: Path) -> dict[str, Any]:
    """Copy what is recorded to the file *target*, while a server writes.

    Raises:
        ConflictError: If there is such a file already.
        CarelaneError: If it cannot be read or written.
    """
    if target.exists():
        raise ConflictError(f"{target} is there already", hint="name another file, with the date for example")
    found = backups.copy(Places(system).database, target)
    return {"file": str(target), "bytes": target.stat().st_size, **asdict(found)}


def restore(system: Path, source: Path) -> dict[str, Any]:
    """Put the backup at *source* in the place of what is recorded, which is set aside.

    Raises:
        ConflictError: If a server runs, or a newer Carelane wrote the backup.
        Damaged: If the backup is not whole.
    """
    places = Places(system)
    backups.check(source)
    lock = hold(places)
    try:
        mark = f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        aside = backups.set_aside(places.database, mark)
        try:
            found = backups.copy(source, places.database)
        except CarelaneError as error:
            raise Damaged(f"{error.message}; what was recorded is at {aside}", hint=error.hint) from error
    finally:
        os.close(lock)
    return {"from": str(source), "aside": str(aside) if aside else None, **asdict(found)}
