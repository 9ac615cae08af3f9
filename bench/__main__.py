"""`make bench`: every part, or some, by the names below."""

import argparse
from collections.abc import Callable

from bench import (
    canary,
    cluster,
    detection,
    footprint,
    history,
    late,
    many,
    pipeline,
    retention,
    routing,
    sides,
    streams,
    undoing,
)

PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "footprint": lambda _: footprint.main(),
    "history": lambda _: history.main(),
    "retention": lambda asked: retention.main(asked.releases),
    "undoing": lambda asked: undoing.main(asked.rounds, asked.restarts),
    "canary": lambda asked: canary.main(asked.trials, asked.caught),
    "pipeline": lambda asked: pipeline.main(asked.pushes),
    "late": lambda asked: late.main(asked.healthy),
    "routing": lambda asked: routing.main(asked.flips),
    "many": lambda asked: many.main(asked.services),
    "sides": lambda asked: sides.main(asked.before, asked.rounds),
    "cluster": lambda asked: cluster.main(asked.rounds),
    "streams": lambda asked: streams.main(asked.silent),
    "detection": lambda asked: detection.main(asked.traces, asked.healthy),
}


def main() -> None:
    """Run the parts that were named, all of them where none was."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts")
    parser.add_argument("--rounds", type=int, default=300, help="rounds of replacing and undoing")
    parser.add_argument("--restarts", type=int, default=20, help="restarts of the server under load")
    parser.add_argument("--before", default="58175b7", help="the commit that this one is compared with")
    parser.add_argument("--flips", type=int, default=100, help="changes of weights, each number of services")
    parser.add_argument("--services", type=int, default=50, help="services of a system that has many")
    parser.add_argument("--releases", type=int, default=300, help="releases, with retention at work")
    parser.add_argument("--silent", type=float, default=370.0, help="seconds that a WebSocket says nothing")
    parser.add_argument("--trials", type=int, default=20, help="A/A trials, and healthy releases")
    parser.add_argument("--caught", type=int, default=10, help="runs of each fault to catch")
    parser.add_argument("--traces", type=int, default=5000, help="traces of each bad canary")
    parser.add_argument("--healthy", type=int, default=1000, help="traces of each healthy canary")
    parser.add_argument("--pushes", type=int, default=5, help="pushes of the example, after the first")
    asked = parser.parse_args()
    for part in asked.parts or PARTS:
        PARTS[part](asked)


main()
