"""What the audience sees: environments, traffic and happenings, drawn live; plain lines when piped."""

import math
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from examples.demo.summary import errors_in

BARS = " ▁▂▃▄▅▆▇█"
SHOWN_SECONDS = 60
FAILS_AT = -math.log(0.01)
PIPED_WIDTH = 110
MARKS = {"success": "✓", "failure": "X"}
COLOURS = {"v1.0": "cyan", "v2.0": "green", "v3.0": "yellow", "v4.0": "magenta"}


class Screen:
    """The picture; everything it shows is given to it."""

    def __init__(self) -> None:
        self.console = Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
        self._environments: list[dict[str, Any]] = []
        self._seconds: list[dict[str, Any]] = []
        self._said: deque[str] = deque(maxlen=12)
        self._jobs: list[dict[str, Any]] = []
        self._judged: deque[dict[str, Any]] = deque(maxlen=SHOWN_SECONDS)
        self._began = time.monotonic()
        self._live = Live(console=self.console, auto_refresh=False) if self.console.is_terminal else None
        if self._live is not None:
            self._live.start()

    def say(self, what: str) -> None:
        """A happening, with the seconds since the beginning."""
        line = f"{time.monotonic() - self._began:5.1f} s  {what}"
        self._said.append(line)
        if self._live is None:
            print(line, flush=True)
        self._draw()

    def show(self, environments: list[dict[str, Any]], seconds: list[dict[str, Any]]) -> None:
        """How the environments are, and what users saw, second by second."""
        self._environments, self._seconds = environments, seconds
        self._judged.extend(_on_trial(environments))
        self._draw()

    def show_jobs(self, jobs: list[dict[str, Any]]) -> None:
        """How the pipeline's jobs are; each that has ended is a happening."""
        known = {job["name"] for job in self._jobs if job["conclusion"]}
        self._jobs = jobs
        for job in jobs:
            if job["conclusion"] and job["name"] not in known:
                self.say(f"  {MARKS.get(job['conclusion'], '-')} {job['name']}, {job['seconds']:.0f} s")
        self._draw()

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()

    def picture(self) -> Group:
        """The whole picture."""
        return Group(
            Panel(_pipeline(self._jobs), title="what was pushed to main"),
            Panel(_environments(self._environments), title="environments"),
            Panel(_traffic(self._seconds), title="what production's users see, each second"),
            Panel(_trial(list(self._judged)), title="how the canary does against stable"),
            Panel(Text("\n".join(self._said)), title="what happens"),
        )

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self.picture(), refresh=True)


def _pipeline(jobs: list[dict[str, Any]]) -> Text:
    text = Text()
    for job in jobs:
        mark = MARKS.get(job["conclusion"], "*" if job["status"] == "in_progress" else "-")
        colour = {"✓": "green", "X": "red", "*": "yellow"}.get(mark, "dim")
        seconds = f" {job['seconds']:.0f} s" if job["seconds"] else ""
        text.append(f"{mark} {job['name']}{seconds}   ", style=colour)
    return text or Text("nothing yet")


def _environments(environments: list[dict[str, Any]]) -> Table:
    table = Table(box=None, expand=True)
    for heading in ("", "release", "service", "version", "ready", "health", "moving"):
        table.add_column(heading)
    for environment in environments:
        first = [environment["name"], environment["release"] or "-"]
        moving = environment["deployment"]
        said = f"{moving['release']} {moving['phase']}" if moving else ""
        for service in environment["services"] or [None]:
            cells = ["-", "-", "-"] if service is None else _service(service)
            table.add_row(*first, *cells, _health(environment), said)
            first, said = ["", ""], ""
    return table


def _service(service: Mapping[str, Any]) -> list[str]:
    version = service["stable"] or "-"
    if service["canary"]:
        version += f" → {service['canary']}"
    return [service["name"], version, f"{service['ready']}/{service['wanted']}"]


def _health(environment: Mapping[str, Any]) -> Text:
    health = environment["health"] or "unknown"
    return Text(health, style={"ok": "green", "failing": "red"}.get(health, "yellow"))


def _traffic(seconds: list[dict[str, Any]]) -> Text:
    """A row of bars a version, and one of what went wrong."""
    shown = seconds[-SHOWN_SECONDS:]
    if not shown:
        return Text("no traffic yet")
    versions = sorted({version for second in shown for version in second["versions"]})
    rows = {v: [sum(s["versions"].get(v, {}).values()) for s in shown] for v in versions}
    errors = [errors_in(second) + second["lost"] for second in shown]
    highest = max(max(row) for row in rows.values()) or 1
    text = Text()
    for version, row in rows.items():
        text.append(
            f"{version:<8}{_bars(row, highest)} {row[-1]:>4}/s\n", style=COLOURS.get(version, "white")
        )
    text.append(
        f"{'errors':<8}{_bars(errors, highest)} {errors[-1]:>4}/s", style="red" if any(errors) else "dim"
    )
    return text


def _bars(row: Sequence[float], highest: float) -> str:
    return "".join(BARS[min(8, math.ceil(8 * value / highest))] for value in row)


def _on_trial(environments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The evidence on the canary that is being judged now, if any."""
    found = [(s, s["evidence"]) for e in environments for s in e["services"] if s["evidence"] and s["canary"]]
    return [
        {"canary": f"{s['name']} {s['canary']}", "judged": s["judged"], **_ratios(evidence)}
        for s, evidence in found[:1]
        if evidence["canary_requests"]
    ]


def _ratios(evidence: Mapping[str, Any]) -> dict[str, float]:
    errors = evidence["objectives"][0]
    return {
        "log E": max(0.0, evidence["log_e_worse"]),
        "canary": errors["canary_bad"] / evidence["canary_requests"],
        "stable": errors["stable_bad"] / max(1, evidence["stable_requests"]),
    }


def _trial(judged: list[dict[str, Any]]) -> Text:
    """Log E and the two ratios over time, of the canary on trial or the last one."""
    mine = [j for j in judged if j["canary"] == judged[-1]["canary"]] if judged else []
    if not mine:
        return Text("no canary yet")
    highest_ratio = max(max(j["canary"], j["stable"]) for j in mine) or 1.0
    text = Text(f"{mine[-1]['canary']}: {mine[-1]['judged']}\n")
    for row, highest, colour in (
        ("log E", FAILS_AT, "red"),
        ("canary", highest_ratio, "yellow"),
        ("stable", highest_ratio, "green"),
    ):
        values = [j[row] for j in mine]
        shown = f"{values[-1]:.2f}, fails at {FAILS_AT:.2f}" if row == "log E" else f"{values[-1]:.2%} failed"
        text.append(f"{row:<8}{_bars([min(v, highest) for v in values], highest)} {shown}\n", style=colour)
    return text
