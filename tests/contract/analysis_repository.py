"""What every AnalysisRepository must do."""

from dataclasses import replace

from carelane.analysis.measurements import Counts, Gap, Reading, Readings, Window
from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.delivery.analyses import AnalysisRun
from carelane.delivery.ports import AnalysisRepository
from tests.fakes.releases import MADE_AT

POLICY = AnalysisPolicy(
    0.01, (Objective(ceiling=0.05), Objective(Measure.SLOW, 800.0, floor=0.02)), warm_up_seconds=0.5
)
NONE = Counts(slow=(0,))
HISTORY = tuple(Window(float(n), n + 1.0, Counts(100, n % 2, (3,)), NONE) for n in range(40))
RUN = AnalysisRun(7, "backend", "v1", "v2", MADE_AT, POLICY, HISTORY)
SOURCES = {
    "proxy-1": Readings(Reading(43.1, Counts(900, 5, (30,)), Counts(90, 9, (3,))), 43.1),
    "proxy-2": Readings(),
}


def window(number: int, errors: int = 2, gap: Gap | None = None) -> Window:
    at = 40.0 + number * 1.1
    return Window(at, at + 1.1, Counts(90, 1, (2,)), Counts(10, errors, (1,)), gap)


def recorded(repository: AnalysisRepository, *windows: Window) -> None:
    repository.begin_analysis(RUN)
    run = RUN
    for added in windows:
        run = replace(run, windows=(*run.windows, added))
        repository.add_window(run.key, added, SOURCES, run.judge().evidence())


class AnalysisRepositoryContract:
    """Subclasses give a fixture ``analyses``."""

    def test_what_was_not_judged_is_not_there(self, analyses: AnalysisRepository) -> None:
        assert analyses.analysis(7, "backend") is None

    def test_what_has_begun_is_there_as_it_began_and_begins_once(self, analyses: AnalysisRepository) -> None:
        analyses.begin_analysis(RUN)
        analyses.begin_analysis(replace(RUN, canary="v3"))
        assert analyses.analysis(7, "backend") == RUN
        assert analyses.analysis(7, "frontend") is None

    def test_windows_come_back_in_order_with_the_sources_and_the_evidence(
        self, analyses: AnalysisRepository
    ) -> None:
        windows = (window(0), window(1, gap=Gap.RESET), window(2, 9))
        recorded(analyses, *windows)
        run = analyses.analysis(7, "backend")
        assert run is not None
        assert run.windows == windows
        assert run.sources == SOURCES
        assert run.evidence is not None

    def test_a_verdict_is_computed_again_bit_for_bit(self, analyses: AnalysisRepository) -> None:
        recorded(analyses, *(window(n, 3 + n % 3) for n in range(12)))
        run = analyses.analysis(7, "backend")
        assert run is not None
        assert run.evidence == run.judge().evidence()
        assert run.evidence is not None
        assert run.evidence.verdict == "fail"

    def test_one_bit_of_difference_is_seen(self, analyses: AnalysisRepository) -> None:
        recorded(analyses, *(window(n, 1) for n in range(5)))
        run = analyses.analysis(7, "backend")
        assert run is not None
        changed = replace(run, windows=(window(0, 2), *run.windows[1:]))
        assert changed.judge().evidence() != run.evidence
