"""Ending everything without a server: what runs says in its own folders what it is."""

from pathlib import Path

from carelane.bootstrap.local import INSTANCES_SECONDS, PROXIES_SECONDS, PROXY_GRACE_SECONDS
from carelane.bootstrap.localhub import PROCESSES as PIPELINE
from carelane.bootstrap.places import Places
from carelane.platforms.processes.archives import Archives
from carelane.platforms.processes.instances import ProcessInstances
from carelane.platforms.processes.postgres import EmbeddedPostgres
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import Ports

GRACE_SECONDS = 10.0


def end_everything(places: Places, only: str | None = None) -> list[str]:
    """End all that runs below *places*, in the order that loses least; the names of what would not end.

    With *only*, what runs in that environment.

    No configuration is read, nothing is recorded. Whoever calls holds the lock: no server is there.
    """
    left: list[str] = []
    roots = [root for root in places.known_environments() if only in {None, root.name}]
    for root in roots:
        instances = ProcessInstances(root, Archives(places.artifacts), places.system, Ports(()))
        left += instances.stop_all(INSTANCES_SECONDS)
    for root in roots:
        left += _end(root / "proxies", PROXY_GRACE_SECONDS, PROXIES_SECONDS)
        databases = [path.name for path in (root / "backing").glob("*") if path.is_dir()]
        EmbeddedPostgres(root, databases, {}).stop_all()
    if only is not None:
        return left
    return left + _end(places.state / PIPELINE, GRACE_SECONDS, INSTANCES_SECONDS)


def _end(folder: Path, grace_seconds: float, within_seconds: float) -> list[str]:
    if not folder.is_dir():
        return []
    shims = Shims(folder)
    names = shims.names()
    left = shims.end(names, grace_seconds, within_seconds)
    for name in set(names) - set(left):
        shims.clear(name)
    return left
