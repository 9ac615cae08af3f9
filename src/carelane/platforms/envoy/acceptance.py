"""Whether the proxies took what was written for them: a document they reject leaves the last one in force.

The process beside them is told by each proxy what it took and refused, resource by resource (`said`). A
proxy of an earlier version, which follows files, says the version of each document it took and counts those
it rejected; which one it rejected it does not say, so the counts are followed from look to look
(`Acceptance`).
"""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carelane.platforms.envoy.admin import Taken
from carelane.platforms.envoy.documents import TAKEN

SILENT_SECONDS = 5.0
TAIL_BYTES = 64 << 10
LONGEST_REASON = 300
CUT = "(truncated"
"""How a rejection ends that was too long to be said; the proxy's log has it whole."""
_MARK = re.compile(r"(?:onfig update|onfig for \S+) rejected: ")
_COMPLAINT = re.compile(r"\[(?:critical|error|CRITICAL|ERROR)\](?:\[\w+\])?|Error: ")


@dataclass(frozen=True)
class _Looked:
    """What one proxy said of one document when *wanted* was its written version."""

    wanted: str
    rejected: int
    refused: bool


@dataclass
class Acceptance:
    """What each proxy made of each document, from look to look."""

    _looked: dict[tuple[str, str], _Looked] = field(default_factory=dict)
    _since: float | None = None

    def look(
        self, proxy: str, wanted: Mapping[str, str], taken: Mapping[str, Taken]
    ) -> tuple[bool, list[str]]:
        """Whether *proxy* took every document (its version, by file), and the files that it rejected."""
        whole, refused = True, []
        for file, version in wanted.items():
            seen = taken.get(scope(file))
            if seen is None:  # it has not come to it yet: an endpoint list follows its cluster
                whole = False
                continue
            now = self._compared(self._looked.get((proxy, file)), version, seen)
            self._looked[proxy, file] = now
            whole = whole and seen.version == version
            if now.refused:
                refused.append(file)
        return whole, refused

    @staticmethod
    def _compared(last: _Looked | None, version: str, seen: Taken) -> _Looked:
        before = last.rejected if last is not None and last.rejected <= seen.rejected else 0
        again = last is not None and last.wanted == version and last.refused
        refused = seen.version != version and (again or seen.rejected > before)
        return _Looked(version, seen.rejected, refused)

    def lasting(self, *, refused: bool) -> float:
        """For how many seconds something has been refused without a break; 0 while nothing is."""
        if not refused:
            self._since = None
            return 0.0
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since


def scope(file: str) -> str:
    """The name under which a proxy counts the document in *file*."""
    kind, _, name = file.removesuffix(".json").partition("-")
    match kind:
        case "listeners":
            return "listener_manager.lds"
        case "clusters":
            return "cluster_manager.cds"
        case "routes":
            return f"http.{name}.rds.{name}"
        case _:
            return f"cluster.{name}"


@dataclass(frozen=True)
class Said:
    """What the process beside the proxies wrote down of one proxy: versions taken, and refused and why.

    *since* is when it connected, in seconds since boot.
    """

    since: float
    taken: Mapping[str, str]
    refused: Mapping[str, tuple[str, str]]


def said(folder: Path) -> tuple[Mapping[str, Said], Mapping[str, str]]:
    """By proxy that is connected, what it made of the documents; and those that cannot be read, and why.

    Nothing where the process beside the proxies has not written (yet), or not for longer than it should.
    """
    place = folder / TAKEN
    try:
        if not fresh(folder):
            return {}, {}
        return _said(json.loads(place.read_text()))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}, {}


def _said(document: Any) -> tuple[Mapping[str, Said], Mapping[str, str]]:  # noqa: ANN401 - JSON is of any shape
    proxies = {
        name: Said(
            float(of["since"]),
            dict(of["taken"]),
            {file: (version, why) for file, (version, why) in of["refused"].items()},
        )
        for name, of in document["proxies"].items()
    }
    return proxies, dict(document["unreadable"])


def fresh(folder: Path) -> bool:
    """Whether the process beside the proxies has said within the last seconds what they took."""
    return 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - spoken(folder) < SILENT_SECONDS


def spoken(folder: Path) -> float:
    """When the process beside the proxies said so last, in seconds since boot; minus infinity if never."""
    try:
        return (folder / TAKEN).stat().st_mtime
    except OSError:
        return -math.inf


def judged(
    wanted: Mapping[str, str], said: Said | None, unreadable: Mapping[str, str]
) -> tuple[bool, dict[str, str]]:
    """Whether a proxy took every document (its version, by file), and those that it refused, and why."""
    refused = {file: why for file, why in unreadable.items() if file in wanted}
    if said is None:
        return False, refused
    refused |= {
        file: _cause(why) for file, (version, why) in said.refused.items() if wanted.get(file) == version
    }
    return all(said.taken.get(file) == version for file, version in wanted.items()), refused


def reason(folder: Path) -> str:
    """Why the proxy in *folder* rejected a document last, as its log says; empty where it says nothing."""
    _, *said = _MARK.split(_tail(folder))
    return _cause(said[-1].partition("\n[")[0].strip()) if said else ""


def last_words(folder: Path) -> str:
    """What the process in *folder* complained of last; empty where it did not."""
    complaints = [line for line in _tail(folder).splitlines() if _COMPLAINT.search(line)]
    if not complaints:
        return ""
    return _COMPLAINT.split(complaints[-1], maxsplit=1)[-1].strip()[:LONGEST_REASON]


def _cause(block: str) -> str:
    # The document itself comes first, then the chain of causes: the last cause is the one to mend.
    cause = (block.splitlines() or [""])[-1].rpartition("caused by ")[2]
    return cause.removeprefix(": ").rstrip(")")[:LONGEST_REASON]


def _tail(folder: Path) -> str:
    """The end of the newest log in *folder* that has anything in it."""
    logs = [path for path in folder.glob("run-*.log") if path.stat().st_size]
    if not logs:
        return ""
    with max(logs, key=lambda path: path.stat().st_mtime).open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
        return file.read().decode(errors="replace")
