"""`make bench`: every part, or those named: ``footprint``, ``undoing [--rounds N]``, ``canary``."""

import argparse

from bench import canary, footprint, undoing


def main() -> None:
    """Run the parts that were named, all of them where none was."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=["footprint", "undoing", "canary", []], help="which parts"
    )
    parser.add_argument("--rounds", type=int, default=300, help="rounds of replacing and undoing")
    parser.add_argument("--restarts", type=int, default=20, help="restarts of the server under load")
    parser.add_argument("--trials", type=int, default=20, help="A/A trials, and healthy releases")
    parser.add_argument("--caught", type=int, default=10, help="runs of each fault to catch")
    arguments = parser.parse_args()
    parts = arguments.parts or ["footprint", "undoing", "canary"]
    if "footprint" in parts:
        footprint.main()
    if "undoing" in parts:
        undoing.main(arguments.rounds, arguments.restarts)
    if "canary" in parts:
        canary.main(arguments.trials, arguments.caught)


main()
