"""WebSockets through a canary and another service's replacement, one of them silent for minutes."""

import tempfile
import time
from pathlib import Path

from bench.results import Figure, write
from tests.contract.test_streams import said, socket
from tests.e2e.test_streams import SOCKETS, STEPS, WEIGHTS, hundred, live, through_its_weights
from tests.systems.system import System

PART = "Streams"


def main(silent_seconds: float = 370.0) -> None:
    """Run, and write the section."""
    strategy = {"use": "rolling", "canary": {"steps": STEPS}}
    folder = Path(tempfile.mkdtemp(prefix="streams-"))
    system = System(folder, strategy=strategy, extra_services={"live": live("v1")}, replicas=2)
    try:
        system.describe()
        system.up()
        system.shipped("v1")
        system.extra_services["live"] = live("v2")
        system.release("v2", greeting="v1")
        figures = _through(system, silent_seconds)
    finally:
        system.down()
    write(PART, figures, f"make bench ARGS='streams --silent {silent_seconds:g}'")


def _through(system: System, silent_seconds: float) -> list[Figure]:
    with socket(system.port) as silent, hundred(system.port) as sockets:
        began = time.monotonic()
        for _ in through_its_weights(system):
            pass
        system.shipped("v3")
        cut = sum(not _lives(one) for one in sockets)
        time.sleep(max(0.0, silent_seconds - (time.monotonic() - began)))
        answered = _lives(silent)
    return [
        Figure(
            f"{SOCKETS} WebSockets, {len(WEIGHTS)} weights and another service's replacement: cut",
            str(cut),
            "0",
            cut == 0,
        ),
        Figure(
            f"one that says nothing for {silent_seconds:g} s",
            "answered" if answered else "cut",
            "answered",
            answered,
        ),
    ]


def _lives(one: object) -> bool:
    try:
        return said(one) == "v1: hello"  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it does not live
        return False
