"""Figures, and the table they end up in."""

import math
import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True)
class Figure:
    """One measured figure beside what was asked of it."""

    what: str
    measured: str
    wanted: str
    reached: bool | None

    def row(self) -> str:
        """A row of the table; a figure without a goal says so."""
        verdict = {True: "yes", False: "**no**", None: "-"}[self.reached]
        return f"| {self.what} | {self.measured} | {self.wanted} | {verdict} |"


def quantile(values: list[float], share: float) -> float:
    """The value that *share* of *values* do not exceed, by rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def spread(values: list[float], unit: str) -> str:
    """Median, 99th percentile and maximum in words."""
    p50, p99 = statistics.median(values), quantile(values, 0.99)
    return f"p50 {p50:.1f}, p99 {p99:.1f}, max {max(values):.1f} {unit} (n = {len(values)})"


def lower_bound(hits: int, trials: int) -> float:
    """Clopper and Pearson's one-sided 95 % bound: where so many hits or more have probability 5 %."""
    low, high = 0.0, hits / trials
    for _ in range(60):
        middle = (low + high) / 2
        fewer = sum(math.comb(trials, k) * middle**k * (1 - middle) ** (trials - k) for k in range(hits))
        low, high = (middle, high) if 1 - fewer < 0.05 else (low, middle)
    return low


def write(part: str, figures: list[Figure], command: str) -> None:
    """Put the section *part* into RESULTS.md, in place of its last version."""
    sections = _sections()
    rows = "\n".join(figure.row() for figure in figures)
    sections[part] = (
        f"## {part}\n\n{_machine()}\nCommand: `{command}`\n\n"
        f"| what | measured | wanted | reached |\n|---|---|---|---|\n{rows}\n"
    )
    head = "# Measured\n\nEach section is written by the command it names, on the machine it describes.\n"
    RESULTS.write_text("\n".join([head, *sections.values()]))
    print(sections[part])


def _sections() -> dict[str, str]:
    if not RESULTS.exists():
        return {}
    parts = RESULTS.read_text().split("\n## ")[1:]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in parts}


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    load = os.getloadavg()[0]
    return (
        f"{time.strftime('%Y-%m-%d')}, commit {commit}, {os.cpu_count()} cores of {model}, {memory:.0f} GiB,"
        f" Linux {platform.release()}, Python {platform.python_version()}, load {load:.1f} at the end\n"
    )
