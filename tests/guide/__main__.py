"""``make guide``: run the lines that can be shown, and say how many of the 72 hold."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

LINES = 72
ON_CLUSTER = "tests/cluster/test_guide_lines.py"
_NUMBER = re.compile(r"test_line_(\d+)_")


class Tally:
    """Which lines hold, by the outcome of their tests."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.failed: set[int] = set()

    def read(self, report: Path) -> None:
        """Count what pytest's *report* says; a setup that fails, or a skip, is a line that does not hold."""
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by our own run
            found = _NUMBER.search(case.get("name", ""))
            if found is not None:
                (self.failed if len(case.findall("./*[@message]")) else self.held).add(int(found[1]))


def main(*asked: str) -> int:
    """Print the tally; 0 where every line that has a test holds, and all that was asked for was run."""
    tally = Tally()
    code = _run(tally, [], "tests/guide")
    if "--cluster" in asked:
        code = _run(tally, [sys.executable, "-m", "tests.cluster", "exec"], ON_CLUSTER) or code
    held = tally.held - tally.failed
    print(f"\n{len(held)} of {LINES} lines hold: {_listed(held)}")  # noqa: T201 - what this program is for
    for number in sorted(tally.failed):
        print(f"  line {number} does not")  # noqa: T201 - the same
    untested = set(range(1, LINES + 1)) - held - tally.failed
    print(f"not tried: {_listed(untested)}")  # noqa: T201 - the same
    if "--cluster" not in asked:
        print(f"NOT RUN: {ON_CLUSTER}, on a real Kubernetes")  # noqa: T201 - the same
    return code


def _run(tally: Tally, inside: list[str], tests: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        pytest = [sys.executable, "-m", "pytest", "-q", tests, f"--junitxml={report}"]
        code = subprocess.run([*inside, *pytest], check=False).returncode
        if report.exists():
            tally.read(report)
        return code


def _listed(numbers: set[int]) -> str:
    return ", ".join(str(n) for n in sorted(numbers)) or "none"


sys.exit(main(*sys.argv[1:]))
