"""act's JSON rows, read into what happened to a job.

Source: act 0.2.89 as measured: rows are stamped to the second (so they are stamped on arrival here), skipped
steps say nothing, `add-mask` rows carry the secret in the clear, the last line is plain text.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

EXIT, ENDED = re.compile(r"exit status (\d+)"), "Process completed with exit code"
INTERRUPTED, UNEVALUATED = "this step has been cancelled", "Unable to interpolate"
"""How act says that a step's process failed, how GitHub does, and what else act says of a step."""


@dataclass(frozen=True)
class Began:
    """A step (or its pre or post part) begins."""

    name: str
    stage: str  # Pre | Main | Post
    step_id: str


@dataclass(frozen=True)
class Ended:
    """A step has ended: success | failure | skipped."""

    name: str
    stage: str
    step_id: str
    result: str


@dataclass(frozen=True)
class Said:
    """A line of a step's log."""

    stage: str
    step_id: str
    text: str
    cut: bool = False  # its end is not known
    acts: bool = False  # of act itself, not of a step's process


@dataclass(frozen=True)
class Commanded:
    """A workflow command such as ::error file=a.py,line=3::words."""

    stage: str
    step_id: str
    command: str
    properties: dict[str, str]
    value: str
    raw: str


@dataclass(frozen=True)
class Finished:
    """The job has ended, as act sees it: success | failure."""

    result: str


MAIN = "⭐ Run Main "
CUT_MESSAGE = re.compile(r'\{.{0,10000}?"msg":"((?:[^"\\]+|\\u[0-9a-fA-F]{4}|\\[^u])*)', re.DOTALL)
"""A row too long to be read, as far as its message is whole."""

Event = Began | Ended | Said | Commanded | Finished


@dataclass
class Reader:
    """Rows into events; what is act's own chatter is left out, what it complains about is kept."""

    complaints: list[str] = field(default_factory=list)

    def read(self, row: bytes) -> Event | None:
        """The event in one row; None for chatter."""
        try:
            data = json.loads(row)
        except ValueError:
            text = row.decode(errors="replace").rstrip()
            if (cut := CUT_MESSAGE.match(text)) and not row.endswith(b"\n"):
                return Said("Main", "", json.loads(f'"{cut[1]}"', strict=False), cut=True)
            if text.startswith("Error:") and "Job '" not in text:
                self.complaints.append(text)
            return None
        return self._event(data) if isinstance(data, dict) else None

    def _event(self, data: dict[str, Any]) -> Event | None:
        stage = str(data.get("stage", "Main"))
        step_id = _step_id(data)
        if "command" in data:
            return Commanded(
                stage,
                step_id,
                str(data["command"]),
                {str(key): str(value) for key, value in (data.get("kvPairs") or {}).items()},
                str(data.get("arg") or data.get("content") or ""),
                str(data.get("raw") or data.get("msg", "")),
            )
        if data.get("raw_output"):
            return Said(stage, step_id, str(data.get("msg", "")).rstrip("\r\n"))
        if "jobResult" in data:
            return Finished(str(data["jobResult"]))
        return self._step(data, stage, step_id)

    def _step(self, data: dict[str, Any], stage: str, step_id: str) -> Event | None:
        """A step that begins or ends, or what act has to say about it."""
        name, message = str(data.get("step", "")), str(data.get("msg", ""))
        if _within(data) and ("stepResult" in data or message.startswith("⭐ Run")):
            begins = message.startswith(MAIN) and stage == "Main"
            text = f"##[group]Run {message.removeprefix(MAIN)}\n##[endgroup]"
            return Said(stage, step_id, text) if begins else None
        if "stepResult" in data:
            return Ended(name, stage, step_id, str(data["stepResult"]))
        if message.startswith("⭐ Run"):
            return Began(name, stage, step_id)
        if data.get("level") == "error" or UNEVALUATED in message:
            return self._complaint(stage, step_id, message, str(data.get("error", "")))
        return None

    def _complaint(self, stage: str, step_id: str, message: str, error: str) -> Event | None:
        """An error of act's own about a step or the job, where it is one."""
        if "git" in message and "repository" in message:
            return None
        text = message if not error or error in message else f"{message}: {error}"
        text = EXIT.sub(rf"{ENDED} \1.", text)
        self.complaints.append(text)
        return Said(stage, step_id, f"##[error]{text}", acts=True) if text.strip() else None


def _within(data: dict[str, Any]) -> bool:
    """Whether it is of a step of a composite action: those are one step to people, which says how it ends."""
    given = data.get("stepID")
    return isinstance(given, list) and len(given) > 1


def _step_id(data: dict[str, Any]) -> str:
    given = data.get("stepID") or data.get("stepid") or [""]
    return str(given[0]) if isinstance(given, list) and given else str(given)
