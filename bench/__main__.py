"""`make bench`: every part, or those named: ``footprint``, ``undoing [--rounds N]``."""

import argparse

from bench import footprint, undoing


def main() -> None:
    """Run the parts that were named, all of them where none was."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["footprint", "undoing", []], help="which parts")
    parser.add_argument("--rounds", type=int, default=300, help="rounds of replacing and undoing")
    parser.add_argument("--restarts", type=int, default=20, help="restarts of the server under load")
    arguments = parser.parse_args()
    parts = arguments.parts or ["footprint", "undoing"]
    if "footprint" in parts:
        footprint.main()
    if "undoing" in parts:
        undoing.main(arguments.rounds, arguments.restarts)


main()
