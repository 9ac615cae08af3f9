"""Many releases through three environments, with retention at work: what grows, and what does not.

Each release has code of its own, and each tenth requirements of its own; it is deployed to all three
environments at once. After each ten what was made is given an age (releases of two months ago, artifacts
that nobody has asked for in two hours), and `carelane prune` does what the server does each hour. Flat is
what may grow by a quarter at most between the first look and the last.
"""

import contextlib
import os
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path
from statistics import median

from bench.processes import kinds, run, seconds
from bench.results import Figure, write
from carelane.base.unix_http import UnixHTTPConnection
from carelane.bootstrap.disk import taken
from carelane.bootstrap.places import Places
from tests.systems.system import System, free_port
from tests.waiting import until

PART = "Many releases, with retention"
ENVIRONMENTS = ("development", "staging", "production")
LOOKS = (0.1, 1 / 3, 2 / 3, 1.0)
PRUNED_EACH, REQUIREMENTS_EACH = 10, 10
ROUNDS = 15
LOOKS_OF_TWO_HOURS = 7400
USERS = 20
"""Who ask production for each release: what is counted is counted by version."""
FLAT = 1.25
DEADLINE_SECONDS = 60.0


def main(releases: int = 300) -> None:
    """Run, and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"strategy": {"rolling": {"min_ready_seconds": 0}}, "replicas": {"web": 1}}
        rollback = {"keep_warm_seconds": 5}
        more = {name: {"port": free_port(), "rollback": rollback, **own} for name in ENVIRONMENTS[:2]}
        system = System(
            Path(folder) / "bench",
            replicas=1,
            rollback=rollback,
            extra_environments=more,
            extra_settings={"retention": {"releases": 20, "days": 30}},
        )
        try:
            figures = _measure(system, releases)
        finally:
            system.down()
    write(PART, figures, f"make bench ARGS='retention --releases {releases}'")


def _measure(system: System, releases: int) -> list[Figure]:
    looks = [round(share * releases) for share in LOOKS]
    seen: dict[str, list[float]] = {}
    removed = 0
    with ThreadPoolExecutor(len(ENVIRONMENTS)) as pool:
        for number in range(1, releases + 1):
            _release(system, number)
            list(pool.map(lambda where: _deploy(system, where, f"v{number}"), ENVIRONMENTS))  # noqa: B023
            system.users(USERS).versions()
            if number % PRUNED_EACH == 0:
                removed += _prune(system)
            if number in looks:
                for what, value in _costs(system).items():
                    seen.setdefault(what, []).append(value)
    at = ", ".join(str(look) for look in looks)
    figures = [_figure(what, at, values) for what, values in seen.items()]
    return [*figures, Figure("removed in all", f"{removed} things", "stated", None)]


def _release(system: System, number: int) -> None:
    lock = system.folder / "requirements.txt"
    lock.write_text(f"# {number // REQUIREMENTS_EACH}\n")
    system.describe(source=["service.py", "requirements.txt"], build={"requirements": "requirements.txt"})
    with (system.folder / "service.py").open("a") as code:
        code.write(f"# {number}\n")
    system.git("add", "--all")
    system.git("commit", "--quiet", "--message", str(number))
    if number == 1:
        system.up()
    client = system.client()
    client.post("/releases", {"commit": "HEAD", "name": f"v{number}"})


def _deploy(system: System, environment: str, release: str) -> None:
    client = system.client()
    client.post(f"/environments/{environment}/deployments", {"release": release, "reason": ""})

    def done() -> bool:
        shown = client.get(f"/environments/{environment}")
        return shown["deployment"] is None and shown["release"] == release

    until(done, DEADLINE_SECONDS, f"{release} is in {environment}")


def _prune(system: System) -> int:
    """Give what there is an age, and remove what nobody needs."""
    then = time.time() - 7200
    for folder in (system.folder / ".carelane" / "artifacts").iterdir():
        for path in folder.iterdir():
            os.utime(path, (then, then), follow_symlinks=False)
    with contextlib.closing(sqlite3.connect(system.folder / ".carelane" / "carelane.db")) as connection:
        older = "json_set(document, '$.created_at', '2020-01-01T00:00:00Z')"
        connection.execute(f"UPDATE releases SET document = {older}")  # noqa: S608 - the line above
        connection.commit()
    return len(system.client().post("/system/prune", {"reason": "bench"}))


def _costs(system: System) -> dict[str, float]:
    time.sleep(10)  # what was warm has gone
    parts = taken(Places(system.folder))
    fixed = {"what is recorded", "kept back for emergencies"}
    recorded = sum(part.bytes or 0 for part in parts if part.part == "what is recorded")
    there = kinds(system)
    return {
        "disk but for what is recorded and the ballast, MiB": sum(
            part.bytes or 0 for part in parts if part.part not in fixed
        )
        / 2**20,
        "what is recorded, KiB (the trail stays)": recorded / 1024,
        "server, MiB PSS": sum(there.mib("server")),
        "proxies, MiB PSS in all": sum(m for kind in there.pids for m in there.mib(kind) if kind == "proxy"),
        "counters in a production proxy, two hours later": len(_counters(system)),
        "`carelane status`, ms": median(seconds(lambda: run(system, "status")) for _ in range(ROUNDS)) * 1000,
    }


def _counters(system: System) -> list[str]:
    """The names of all counters of a proxy of production, after it has been looked at for two hours.

    Envoy evicts, each 3,600 looks, the counters that nobody added to since the last time.
    """
    folder = system.folder / ".carelane" / "environments" / "production" / "proxies"
    with contextlib.closing(UnixHTTPConnection(next(folder.glob("*/admin.sock")), 5.0)) as connection:
        for _ in range(LOOKS_OF_TWO_HOURS):
            _asked(connection, "/stats?filter=^nothing$")
        return _asked(connection, "/stats").decode().splitlines()


def _asked(connection: UnixHTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer: HTTPResponse = connection.getresponse()
    return answer.read()


def _figure(what: str, at: str, values: list[float]) -> Figure:
    measured = ", ".join(f"{value:.4g}" for value in values)
    if "what is recorded, KiB" in what:
        return Figure(f"{what}, at {at} releases", measured, "stated", None)
    flat = values[-1] <= FLAT * values[0]
    return Figure(f"{what}, at {at} releases", measured, f"the last ≤ {FLAT} x the first", flat)
