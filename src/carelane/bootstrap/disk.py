"""What takes how much on the disk, whether or not a server runs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from carelane.bootstrap.places import Places
from carelane.platforms.processes.shelves import size_of


@dataclass(frozen=True)
class Taken:
    """A part of what is kept: its *bytes* on the disk, in how many *things*, and what bounds it.

    *bytes* is None where this user may not look.
    """

    part: str
    bytes: int | None
    things: int | None
    bounded_by: str


def taken(places: Places) -> list[Taken]:
    """Every part of the state, in the order of the folders; what is in no named part is *other*."""
    found = [_taken(*part) for part in _parts(places)]
    known = sum(each.bytes or 0 for each in found)
    other = max(0, size_of(places.state) - known)
    return [*found, Taken("other", other, None, "")]


_RETENTION = "retention.releases, retention.days"


def _parts(places: Places) -> Iterator[tuple[str, list[Path], str]]:
    database = sorted(places.state.glob("carelane.db*"))
    yield "what is recorded", database, "retention.analyses_days; the trail stays"
    for folder, part in (
        ("archives", "archives"),
        ("trees", "unpacked archives"),
        ("dependencies", "built environments"),
    ):
        yield part, _within(places.artifacts / folder), _RETENTION
    for root in places.known_environments():
        name = root.name
        yield f"{name}: logs of what runs", _within(root / "instances"), "two files of 8 MiB a run"
        yield f"{name}: logs of what ended", _within(root / "ended"), "20 a service, retention.days"
        yield f"{name}: databases", _within(root / "backing"), "yours"
        proxies = [root / "proxies", root / "envoy"]
        yield f"{name}: proxies", [path for path in proxies if path.exists()], "two proxies"
    hub = places.localhub
    for folder, part, bounded_by in (
        ("logs", "logs of runs", "pipeline.keep_runs, pipeline.keep_days"),
        ("files", "artifacts and caches", "pipeline.keep_runs, pipeline.keep_days; 10 GiB of caches"),
        ("repositories", "repositories", "git gc, once a day"),
        ("jobs", "jobs under way", "what runs"),
    ):
        if (hub / folder).exists():
            yield f"localhub: {part}", _within(hub / folder), bounded_by
    if hub.exists():
        yield "localhub: what is recorded", sorted(hub.glob("localhub.db*")), "pipeline.keep_runs"
    kept_back = [places.ballast] if places.ballast.exists() else []
    yield "kept back for emergencies", kept_back, "64 MiB, where eight times as much is free"
    yield "the server's log", sorted(places.state.glob("server.log*")), "rotated"


def _within(folder: Path) -> list[Path]:
    """What is in *folder*; raises PermissionError where this user may not look."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _taken(part: str, paths: list[Path], bounded_by: str) -> Taken:
    unreadable = [path for path in paths if path.is_dir() and not os.access(path, os.R_OK | os.X_OK)]
    size = None if unreadable else sum(size_of(path) for path in paths)
    return Taken(part, size, len(paths), bounded_by)
