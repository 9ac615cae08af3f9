"""The judging of one canary against its stable version: what is kept of it, and how it goes on.

What is kept is enough to come to the same verdict again, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from carelane.analysis.alternatives import baselines
from carelane.analysis.columns import Columns
from carelane.analysis.judging import Judge, judge_all
from carelane.analysis.measurements import Readings, Window
from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.replaying import Replay, judged
from carelane.analysis.trials import UNRECORDED, Trial
from carelane.analysis.verdicts import Evidence

Key = tuple[int, str]


@dataclass(frozen=True)
class AnalysisRun:
    """What is judged, by what policy, against what history of stable; and every window since.

    *trial* has the canary's weights as they are to follow one another; where each began, the windows say.
    Of a *preview* the canary's requests are those that were steered to it: it has no users.
    """

    deployment: int
    service: str
    stable: str
    canary: str
    began_at: datetime
    policy: AnalysisPolicy
    history: tuple[Window, ...] = ()
    windows: tuple[Window, ...] = ()
    sources: Mapping[str, Readings] = field(default_factory=dict)
    evidence: Evidence | None = None
    preview: bool = False
    trial: Trial = UNRECORDED

    @property
    def key(self) -> Key:
        """What there is one of."""
        return (self.deployment, self.service)

    def judge(self) -> Judge:
        """The judging, done again from the start."""
        history, since = self._columns()
        return judge_all(self.policy, baselines(self.policy, history), since, self.trial)

    def since_its_start(self) -> "AnalysisRun":
        """The same, with times counted from the canary's first request: what people want to read."""
        start = self.windows[0].started_at if self.windows else 0.0
        moved = tuple(
            replace(w, started_at=w.started_at - start, ended_at=w.ended_at - start) for w in self.windows
        )
        return replace(self, windows=moved)

    def again(self) -> Replay:
        """The same with how it went on the way."""
        return judged(self.policy, *self._columns(), self.trial)

    def _columns(self) -> tuple[Columns, Columns]:
        thresholds = len(self.policy.thresholds_ms)
        return Columns.of(self.history, thresholds), Columns.of(self.windows, thresholds)
