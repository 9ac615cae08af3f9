"""What `rollout show` says of a judging: on what it rests, and what it takes to decide."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from carelane.bootstrap.offline import replay_recording
from carelane.cli.pictures import show_replay, show_rollouts
from carelane.delivery.analyses import AnalysisRun
from carelane.delivery.deployments import Deployment, Phase
from tests.fakes.simulation import Simulation
from tests.unit.delivery.test_sharing_alpha import failed_by, services
from tests.unit.delivery.test_weights import at_weight


def shown(simulation: Simulation, capsys: pytest.CaptureFixture[str]) -> str:
    """As from the API: through JSON."""
    runs = [simulation.repository.analysis(2, name) for name in simulation.deployment.rollouts]
    known = TypeAdapter(list[AnalysisRun]).dump_json([run for run in runs if run is not None])
    deployment: dict[str, Any] = json.loads(TypeAdapter(Deployment).dump_json(simulation.deployment))
    show_rollouts(deployment, json.loads(known))
    return capsys.readouterr().out


def test_a_fail_since_a_weight_says_so_and_what_had_passed_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    simulation = at_weight(25)
    simulation.metrics.error_ratios = {"v1": 0.002, "v2": 0.05}
    simulation.until(lambda: simulation.phase is Phase.FAILED, 30)
    said = shown(simulation, capsys)
    assert "since 25 %: worse, with false-alarm probability under 1 %" in said
    assert "requests to the canary since 25 %, of" in said
    assert "(fails at 4.61, passes at 2.30)" in said
    assert "at 0.99)" in said, "the interval's own level, not the pass's"
    (passed,) = [line for line in said.splitlines() if line.startswith("  passed ")]
    assert passed.endswith("shown to be no worse than is allowed, wrongly with probability under 1 %")


def test_what_services_share_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    simulation = services()
    failed_by(simulation, "backend")
    said = shown(simulation, capsys)
    assert "(decides at 4.61)" in said
    assert "over the 3 services, which share alpha (fails at 4.61)" in said
    assert "  cost      " in said


def test_where_nothing_failed_the_chart_has_an_axis_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = "".join(f"{second},90,0,10,0\n" for second in range(60))
    recording = tmp_path / "clean.csv"
    recording.write_text(f"time_seconds,stable_requests,stable_errors,canary_requests,canary_errors\n{rows}")
    show_replay(replay_recording(recording, {}))
    chart = capsys.readouterr().out.partition("errors so far, % of requests")[2]
    labelled = [line.rpartition("│")[2].strip() for line in chart.splitlines() if line[-1:].isdigit()]
    assert labelled == ["1", "0"]
