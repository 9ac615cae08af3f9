"""`make bench`: every part, or those named: ``footprint``, ``undoing [--rounds N]``, ``detection``."""

import argparse

from bench import detection, footprint, undoing


def main() -> None:
    """Run the parts that were named, all of them where none was."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=["footprint", "undoing", "detection", []], help="which parts"
    )
    parser.add_argument("--rounds", type=int, default=300, help="rounds of replacing and undoing")
    parser.add_argument("--restarts", type=int, default=20, help="restarts of the server under load")
    parser.add_argument("--traces", type=int, default=500, help="traces of each bad canary")
    parser.add_argument("--healthy", type=int, default=1000, help="traces of each healthy canary")
    arguments = parser.parse_args()
    parts = arguments.parts or ["footprint", "undoing", "detection"]
    if "footprint" in parts:
        footprint.main()
    if "undoing" in parts:
        undoing.main(arguments.rounds, arguments.restarts)
    if "detection" in parts:
        detection.main(arguments.traces, arguments.healthy)


main()
