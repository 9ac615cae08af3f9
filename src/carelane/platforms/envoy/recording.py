"""The meter's loop: each look is noted down for those who ask later what users got."""

from carelane.analysis.keeping import Recorder
from carelane.analysis.traffic import Counted
from carelane.platforms.envoy.meter import Tally, TrafficMeter


class RecordedMeter:
    """A meter whose windows are kept; *thresholds_ms* are those of slow requests that it counts."""

    def __init__(self, meter: TrafficMeter, recorder: Recorder, thresholds_ms: tuple[int, ...]) -> None:
        self._meter = meter
        self._recorder = recorder
        self._thresholds_ms = thresholds_ms

    def look(self) -> float:
        """Let the meter look, and note what it saw; the seconds until the next look is due."""
        pause = self._meter.look()
        window = self._meter.windows()[-1]
        counts = {version: self._counted(counts) for version, counts in window.counts.items()}
        self._recorder.note(counts, window.seconds)
        return pause

    def _counted(self, counts: Tally) -> Counted:
        """A proxy has no counter of what never happened: of what it counts, that is none."""
        slow = {ms: counts.slow.get(ms, 0) for ms in self._thresholds_ms}
        return Counted(counts.requests, counts.errors, slow)
