"""What holds after any fault: nothing lost but what was in flight, one truth, no gap, nothing left over."""

import http.client
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from carelane.base.unix_http import UnixHTTPConnection
from tests.load import Answer, summary
from tests.systems.system import System
from tests.waiting import until

MARK = "CARELANE_FOLDER"
ENDED = {"Succeeded", "Failed", "Superseded", "Cancelled"}
AROUND_SECONDS = 0.4
"""A kill takes effect within so long on a loaded machine: the kernel ends connections, a proxy sees that and
tries elsewhere; of a canary that has one copy its users are led away."""


def only_in_flight(answers: list[Answer], killed_at: Iterable[float]) -> None:
    """What was lost was under way when something was killed."""
    moments = list(killed_at)
    beyond = [
        a
        for a in answers
        if a.lost
        and not any(a.sent <= at + AROUND_SECONDS and a.ended >= at - AROUND_SECONDS for at in moments)
    ]
    first = min(moments, default=0.0)
    when = ", ".join(f"{a.sent - first:.2f} s" for a in beyond[:8])
    words = f"{len(beyond)} lost with nothing killed meanwhile, sent at {when} after the first kill"
    assert beyond == [], f"{words}: {summary(beyond)}"


def settled(system: System, seconds: float = 60.0) -> None:
    """It comes to rest: the last deployment has ended, all that is wanted is ready, nothing leaves."""
    until(lambda: system.last_deployment()["phase"] in ENDED, seconds, "the last deployment has ended")
    until(lambda: _whole(system), seconds, "it is whole")


def _whole(system: System) -> bool:
    services = system.environment()["services"]
    calm = all(i["intent"] in {"serve", "warm"} for s in services for i in s["instances"])
    return calm and all(s["ready"] == s["wanted"] for s in services)


def one_truth(system: System) -> None:
    """Users get what is said to be there, history agrees, and every deployment but the last has ended."""
    environment = system.environment()
    assert environment["release"] == system.history()[0]["release"]
    assert {system.get(system.port)["version"] for _ in range(10)} == {environment["release"]}
    deployments = system.run("deployments", "list", "--limit", "200", "--output", "json").json()
    assert all(d["phase"] in ENDED for d in deployments), [d["phase"] for d in deployments]
    numbers = [r["number"] for r in system.history()]
    assert numbers == sorted(set(numbers), reverse=True), "a revision twice"


def trail_without_gaps(system: System) -> None:
    """Positions go up by one, and what began has ended once."""
    entries, position = [], 0
    while found := system.client().get("/events/list", after=position, limit=1000):
        entries += found
        position = found[-1]["position"]
    assert [e["position"] for e in entries] == list(range(1, len(entries) + 1))
    ends = Counter(
        e["entry"]["subject"]
        for e in entries
        if e["entry"]["act"] in {"deployment.succeeded", "deployment.failed", "deployment.superseded"}
    )
    assert [number for number, times in ends.items() if times > 1] == [], "ended more than once"


def nothing_doubled(system: System) -> None:
    """Each instance that is meant to run runs once, and nothing else of the system does."""
    known = {i["id"] for s in system.environment()["services"] for i in s["instances"]}
    running = Counter(folder.name for folder in marked(system.folder) if folder.parent.name == "instances")
    assert set(running) <= known, f"unknown: {set(running) - known}"
    assert [name for name, times in running.items() if times > 1] == []


def nothing_left_over(system: System) -> None:
    """After `down` not one process of the system is there."""
    system.must("down")
    assert list(marked(system.folder)) == []


def at_the_end(system: System) -> None:
    """What holds once all is over; the system is taken down."""
    trail_without_gaps(system)
    nothing_doubled(system)
    nothing_left_over(system)


def marked(folder: Path) -> Iterator[Path]:
    """The folders of the processes that carry the mark of something below *folder*."""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            is_leader = os.getsid(int(process.name)) == int(process.name)
        except OSError:
            continue
        for part in environment:
            name, _, value = part.partition(b"=")
            if (
                name.decode(errors="replace") == MARK
                and Path(value.decode()).is_relative_to(folder)
                and is_leader
            ):
                yield Path(value.decode())


def parts(system: System) -> dict[str, list[int]]:
    """The pids of everything of production that may be killed, by what it is."""
    root = system.folder / ".carelane" / "environments" / "production"
    found: dict[str, list[int]] = {"server": [system.server_pid()]}
    for file in root.glob("*/*/status.json"):
        if "ended" in file.parts:
            continue
        try:
            status = json.loads(file.read_text())
        except ValueError:
            continue
        kind = file.parent.name.partition("-")[0] if file.parent.parent.name == "proxies" else "instance"
        if status["child"] is not None:
            found.setdefault(kind, []).append(status["child"]["pid"])
        found.setdefault("shim", []).append(status["shim"]["pid"])
    return found


def listening(system: System) -> int:
    """How many proxies have all that they need to take users, and who tells them of changes."""
    root = system.folder / ".carelane" / "environments" / "production" / "proxies"
    return sum(_is_live(file) for file in root.glob("proxy-*/admin.sock"))


def _is_live(admin: Path) -> bool:
    connection = UnixHTTPConnection(admin, 1.0)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        answer.read()
        connection.request("GET", "/clusters")
        return answer.status == 200 and b"ads.sock::rq_active::1\n" in connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
