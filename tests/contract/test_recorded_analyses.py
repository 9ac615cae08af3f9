"""What earlier versions of Carelane recorded of a judging: read, and judged again to the same bits."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from carelane.analysis.measurements import Counts, Readings, Window
from carelane.analysis.verdicts import Verdict
from carelane.store import tables
from carelane.store.analyses import SqlAnalysisRepository
from carelane.store.database import open_sqlite
from tests.contract.schemas import as_of

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "analyses" / "without-weights.json").read_text()
)

STOOD = {"looked_at": 43.1, "epoch": "this boot"}
"""Where the first proxy's counters stood; there were two, and they had no names."""


@pytest.fixture
def analyses(tmp_path: Path) -> Iterator[SqlAnalysisRepository]:
    """Two analyses, one passed and one failed, as a version that knew no weights left them."""
    with as_of(tmp_path / "carelane.db", "0005") as connection:
        for run in RECORDED:
            begun = {**run, "windows": [], "sources": [], "evidence": None}
            of = {"deployment": run["deployment"], "service": run["service"]}
            evidence, sources = json.dumps(run["evidence"]), json.dumps([STOOD, {}])
            row = {**of, "document": json.dumps(begun), "sources": sources, "evidence": evidence}
            connection.execute(tables.analyses.insert().values(row))
            rows = [{**of, "document": json.dumps(window)} for window in run["windows"]]
            connection.execute(tables.analysis_windows.insert(), rows)
    engine = open_sqlite(tmp_path / "carelane.db")
    yield SqlAnalysisRepository(engine)
    engine.dispose()


@pytest.mark.parametrize(("service", "verdict"), [("backend", Verdict.PASS), ("frontend", Verdict.FAIL)])
def test_it_leads_to_the_recorded_verdict_bit_for_bit(
    analyses: SqlAnalysisRepository, service: str, verdict: Verdict
) -> None:
    run = analyses.analysis(7, service)
    assert run is not None
    assert run.evidence is not None
    assert run.evidence.verdict is verdict
    assert run.judge().evidence() == run.evidence


def test_the_proxies_counters_go_on_under_their_names(analyses: SqlAnalysisRepository) -> None:
    run = analyses.analysis(7, "backend")
    assert run is not None
    assert run.sources == {"proxy-1": Readings(looked_at=43.1, epoch="this boot"), "proxy-2": Readings()}


def test_it_goes_on_and_its_next_weight_has_to_earn_a_pass(analyses: SqlAnalysisRepository) -> None:
    run = analyses.analysis(7, "backend")
    assert run is not None
    at = run.windows[-1].ended_at
    more = Window(at, at + 1.0, Counts(30, 0, (0,)), Counts(10, 0, (0,)), weight=1)
    judge = run.judge().after(more)
    assert judge.verdict is Verdict.INCONCLUSIVE
    analyses.add_window(run.key, more, run.sources, judge.evidence())
    after = analyses.analysis(7, "backend")
    assert after == replace(run, windows=(*run.windows, more), evidence=judge.evidence())
    assert after.judge().evidence() == after.evidence
