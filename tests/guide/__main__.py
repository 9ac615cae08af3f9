"""``make guide``: run the lines that can be shown, and say how many of the 72 hold."""

import re
import sys
from pathlib import Path

import pytest

LINES = 72
_NUMBER = re.compile(r"test_line_(\d+)_")


class Tally:
    """Which lines hold, by the outcome of their tests."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.failed: set[int] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a line once its test has run; a setup that fails is a line that does not hold."""
        found = _NUMBER.search(report.nodeid)
        if found is None:
            return
        number = int(found[1])
        if report.failed or report.skipped:
            self.failed.add(number)
        elif report.when == "call":
            self.held.add(number)


def main() -> int:
    """Print the tally; 0 where every line that has a test holds."""
    tally = Tally()
    code = pytest.main(["-q", str(Path(__file__).parent)], plugins=[tally])
    held = tally.held - tally.failed
    print(f"\n{len(held)} of {LINES} lines hold: {_listed(held)}")  # noqa: T201 - what this program is for
    for number in sorted(tally.failed):
        print(f"  line {number} does not")  # noqa: T201 - the same
    untested = set(range(1, LINES + 1)) - held - tally.failed
    print(f"no test yet: {_listed(untested)}")  # noqa: T201 - the same
    return int(code)


def _listed(numbers: set[int]) -> str:
    return ", ".join(str(n) for n in sorted(numbers)) or "none"


sys.exit(main())
