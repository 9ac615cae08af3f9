"""What the demo measured, a row a deployment."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.table import Table

from examples.demo.machine import Machine


def table(machine: Machine, seconds: list[dict[str, Any]]) -> Table:
    """Per production deployment: time, requests served by the new version, errors, lost, undoing."""
    deployments = machine.json("deployments", "list", "--environment", "production", "--limit", "50")
    undoing = _undoing_ms(machine)
    made = Table(title="production, deployment by deployment")
    for heading in (
        "deployment",
        "ended",
        "took",
        "requests it served",
        "errors users saw",
        "lost",
        "undoing took",
    ):
        made.add_column(heading, justify="left" if heading == "deployment" else "right")
    ordered = list(reversed(deployments))
    for deployment, following in zip(ordered, [*ordered[1:], None], strict=True):
        number, release = deployment["id"], deployment["release"]
        window = [s for s in seconds if _asked(deployment) <= s["at"] < _asked(following)]
        switch = deployment["timings_ms"].get("switch")
        undone = undoing.get(number) if switch is None else switch
        made.add_row(
            f"{number} {deployment['kind']} {release}",
            deployment["phase"],
            f"{_took(deployment):.1f} s",
            str(sum(sum(s["versions"].get(release, {}).values()) for s in window)),
            str(sum(map(errors_in, window))),
            str(sum(s["lost"] for s in window)),
            _undone(undone),
        )
    lost = sum(second["lost"] for second in seconds)
    requests = sum(sum(s.values()) for second in seconds for s in second["versions"].values())
    made.add_section()
    made.add_row("all of it", "", "", str(requests), "", str(lost), "")
    return made


def errors_in(second: Mapping[str, Any]) -> int:
    """How many answers of a second were 5xx, whichever version gave them."""
    return sum(
        count
        for statuses in second["versions"].values()
        for status, count in statuses.items()
        if status.startswith("5")
    )


def _asked(deployment: Mapping[str, Any] | None) -> float:
    """When it was asked for; never, for the one after the last."""
    return datetime.fromisoformat(deployment["created_at"]).timestamp() if deployment else math.inf


def _took(deployment: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(deployment[k]) for k in ("created_at", "finished_at"))
    return (ended - began).total_seconds()


def _undone(took_ms: float | None) -> str:
    """Entries of one pass of the engine bear its time: their distance is not known more closely."""
    if took_ms is None:
        return ""
    return f"{took_ms:.0f} ms" if took_ms else "one pass"


def _undoing_ms(machine: Machine) -> dict[int, float]:
    """From the decision to turn back to users being on the old version again, by deployment."""
    began: dict[int, datetime] = {}
    took: dict[int, float] = {}
    for line in machine.carelane("events", "--output", "json").stdout.splitlines():
        entry = json.loads(line)["entry"]
        at = datetime.fromisoformat(entry["at"])
        if entry["act"] == "deployment.aborting":
            began[int(entry["subject"])] = at
        elif entry["act"] == "deployment.failed" and int(entry["subject"]) in began:
            took[int(entry["subject"])] = (at - began[int(entry["subject"])]).total_seconds() * 1000
    return took
