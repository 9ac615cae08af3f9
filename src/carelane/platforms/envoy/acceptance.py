"""Whether the proxies took what was written for them: a document they reject leaves the last one in force.

A proxy says the version of each document it took, and counts those it rejected. Which one it rejected
it does not say, so the counts are followed from look to look.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carelane.platforms.envoy.admin import Taken

TAIL_BYTES = 64 << 10
LONGEST_REASON = 300
_MARK = "onfig update rejected: "


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


def reason(folder: Path) -> str:
    """Why the proxy in *folder* rejected a document last, as its log says; empty where it says nothing."""
    logs = sorted(folder.glob("run-*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return ""
    with logs[-1].open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    _, found, said = text.rpartition(_MARK)
    if not found:
        return ""
    block = said.partition("\n[")[0].strip()
    # The document itself comes first, then the chain of causes: the last cause is the one to mend.
    cause = block.splitlines()[-1].rpartition("caused by ")[2]
    return cause.removeprefix(": ").rstrip(")")[:LONGEST_REASON]
