"""What a deployment would do, in words."""

from typing import Any

import pytest

from carelane.cli.plans import show_plan

ERRORS = {
    "measure": "errors", "threshold_ms": None, "bad_ratio": 2.0, "floor": 0.01, "weight": 1.0, "ceiling": None
}  # fmt: skip


def step(kind: str, percent: int = 0, seconds: float | None = None) -> dict[str, Any]:
    return {"kind": kind, "percent": percent, "seconds": seconds, "command": [], "path": None}


def plan(requests: int, seconds: float, replicas: int = 2, errors: int = 0) -> dict[str, Any]:
    steps = [step("weight", 25), step("analysis", seconds=600.0), step("analysis", seconds=600.0)]
    rollout = {"from_label": "v1", "to_label": "v2", "strategy": {"kind": "canary", "steps": steps}}
    return {
        "message": "deploying v2 into production would do this",
        "deployment": {"rollouts": {"web": rollout}},
        "replicas": {"web": replicas},
        "analysis": {"alpha": 0.01, "objectives": [ERRORS], "warm_up_seconds": 0.0},
        "traffic": {"web": {"seconds": seconds, "requests": requests, "errors": errors}},
        "differences": {"web": {"code": True, "settings": [], "migrates": None}},
        "irreversible": False,
        "remarks": [],
        "leaving": {},
    }


def test_a_plan_says_what_is_expected_and_by_the_traffic_of_what_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_plan(plan(180_000, 1800.0), "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "1. web: v1 -> v2, canary, 2 replicas"
    assert lines[2] == "   - weight 25 %"
    assert lines[3].startswith("   - analysis, at most 600 s: a healthy release passes in about 3")
    assert ", nine of ten within 3" in lines[3]
    assert lines[4] == "   - analysis, at most 600 s: a healthy release has already passed by then"
    assert lines[5] == "     (by the last 1800.0 s: 100.0 requests a second, 0 of 180,000 failed)"
    assert lines[6].startswith("in all: analyses and pauses take about 3")
    assert lines[6].endswith("; a person is asked in 0 % of healthy releases")


def test_where_a_healthy_release_takes_longer_than_a_step_may_another_limit_is_proposed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_plan(plan(18_000, 3600.0), "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].startswith("   - analysis, at most 600 s: not expected to be decided by then")
    assert "; seconds: 690 would do for nine of ten" in lines[3]
    assert lines[6].endswith("; a person is asked in 100 % of healthy releases")


def test_beyond_an_hour_one_step_with_half_of_the_users_is_proposed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_plan(plan(2_000, 3600.0), "table")
    said = capsys.readouterr().out
    assert "(that may take beyond an hour; one step, steps: [{weight: 50}, {analysis: {seconds: " in said


def test_of_a_preview_nobody_knows_how_much_will_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    made = plan(180_000, 1800.0)
    strategy = made["deployment"]["rollouts"]["web"]["strategy"]
    steps = [step("scale", 100), step("analysis", seconds=60.0), step("weight", 100)]
    strategy |= {"kind": "blue-green", "steps": steps}
    show_plan(made, "table")
    said = capsys.readouterr().out
    assert "- analysis, at most 60 s: of what reaches the preview meanwhile" in said
    assert "last" not in said


def test_a_service_without_users_is_named_with_what_it_leads_to(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(plan(0, 3600.0, replicas=1), "table")
    said = capsys.readouterr().out
    assert "canary, 1 replica\n" in said
    assert said.count("not expected to be decided by then") == 2
    assert "in all: no end to be expected at this traffic; a person is asked in 100 % of healthy" in said
    assert "web had no request in the last hour: without any, each analysis ends by asking a person" in said
    assert "strategy.services.web: rolling" in said
