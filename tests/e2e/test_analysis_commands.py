"""Judging recorded traffic from the command line: no server, no system."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.systems.system import CARELANE, ENVIRONMENT

HEADER = "time_seconds,stable_requests,stable_errors,canary_requests,canary_errors"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was printed
        return json.loads(self.out, parse_constant=pytest.fail)


def carelane(folder: Path, *arguments: str) -> Ran:
    done = subprocess.run(
        [str(CARELANE), "analysis", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def record(folder: Path, canary: float, stable: float = 0.005, rate: float = 10, history: int = 600) -> str:
    """A recording of half an hour with a canary of 10 %; its name."""
    generator = np.random.default_rng(20)
    lines = [HEADER]
    for at in range(history + 1800):
        weight = 0.0 if at < history else 0.1
        n, m = int(generator.poisson(rate * weight)), int(generator.poisson(rate * (1 - weight)))
        lines.append(f"{at},{m},{generator.binomial(m, stable)},{n},{generator.binomial(n, canary)}")
    (folder / "traffic.csv").write_text("\n".join(lines))
    return "traffic.csv"


def test_a_bad_canary_is_judged_worse_with_evidence(tmp_path: Path) -> None:
    ran = carelane(tmp_path, "replay", record(tmp_path, 0.3), "--output", "json")
    assert ran.code == 10
    found = ran.json
    assert found["verdict"] == "fail"
    assert 600 <= found["decided_at_seconds"] <= 720
    assert found["canary_errors"] <= 20
    assert found["log_e_value"] >= np.log(100)
    assert 1.0 <= found["dispersion"] < 1.5
    low, high = found["rate_ratio_interval"]
    assert low > 1
    assert high is None or high > low
    assert "worse, with false-alarm probability under 1 %" in found["words"]


def test_a_clean_canary_passes(tmp_path: Path) -> None:
    ran = carelane(tmp_path, "replay", record(tmp_path, 0.0, 0.0, rate=20), "-o", "json")
    found = ran.json
    assert (ran.code, found["verdict"], found["rate_ratio"], found["rate_ratio_interval"]) == (
        0,
        "pass",
        None,
        None,
    )


def test_too_little_traffic_is_inconclusive(tmp_path: Path) -> None:
    ran = carelane(tmp_path, "replay", record(tmp_path, 0.005, rate=1), "-o", "json")
    found = ran.json
    assert (ran.code, found["verdict"], found["decided_at_seconds"]) == (11, "inconclusive", None)


def test_for_people_it_has_words_and_a_picture_and_what_it_cost(tmp_path: Path) -> None:
    ran = carelane(tmp_path, "replay", record(tmp_path, 0.3))
    assert ran.code == 10
    for part in ("fail: canary failed", "log E, fails at 4.61", "errors so far", "cost ", "rate ratio"):
        assert part in ran.out


def test_slow_requests_are_judged_where_they_were_recorded(tmp_path: Path) -> None:
    rows = [f"{at},90,0,10,0,1,6" for at in range(60)]
    (tmp_path / "slow.csv").write_text("\n".join([f"{HEADER},stable_slow,canary_slow", *rows]))
    ran = carelane(tmp_path, "replay", "slow.csv", "-o", "json")
    assert (ran.code, ran.json["objective"]) == (10, "slow")


@pytest.mark.parametrize(
    ("content", "arguments", "code", "said"),
    [
        (None, ["replay", "none.csv"], 4, "no none.csv"),
        (b"", ["replay", "t.csv"], 2, "t.csv is empty"),
        (b"\xff\xfe\x00", ["replay", "t.csv"], 2, "not text in UTF-8"),
        (f"{HEADER}\n1,9,0,1,0\n2,9,10,1,0".encode(), ["replay", "t.csv"], 2, "row 2 (line 3)"),
        (f"{HEADER}\n1,9,0,1,0\n2,9,10,1,0".encode(), ["compare", "t.csv"], 2, "row 2 (line 3)"),
        (b"", ["replay", "."], 2, "is a folder, not a file"),
        (f"{HEADER}\n1,9,0,1,0".encode(), ["replay", "t.csv", "--alpha", "2"], 2, "alpha is 2"),
        (f"{HEADER}\n1,9,0,1,0".encode(), ["replay", "t.csv", "--alpha", "nan"], 2, "alpha is nan"),
        (f"{HEADER}\n1,9,0,1,0".encode(), ["replay", "t.csv", "--floor", "x"], 2, "neither a percentage"),
        (f"{HEADER}\n1,9,0,1,0".encode(), ["replay", "t.csv", "--ratio", "1"], 2, "bad_ratio is 1"),
        (b"", ["plan", "--stable-errors", "2%", "--detect", "1%", "--rate", "1"], 2, "has to be above"),
        (b"", ["plan", "--stable-errors", "1%", "--detect", "2%", "--rate", "1/y"], 2, "is no rate"),
    ],
)
def test_what_is_wrong_is_refused_with_one_clear_error(
    tmp_path: Path, content: bytes | None, arguments: list[str], code: int, said: str
) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    ran = carelane(tmp_path, *arguments)
    assert (ran.code, said in ran.err, "Traceback" in ran.err) == (code, True, False), ran.err


def test_a_byte_order_mark_and_other_line_ends_are_read(tmp_path: Path) -> None:
    rows = "\r\n".join([HEADER, *(f"{at},90,0,10,0" for at in range(90))])
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    assert carelane(tmp_path, "replay", "t.csv").code == 0


def test_a_plan_says_how_long_it_takes_and_what_it_costs(tmp_path: Path) -> None:
    asked = ["plan", "--stable-errors", "0.5%", "--detect", "20%", "--rate", "600/min", "--traces", "20"]
    ran = carelane(tmp_path, *asked, "--longest", "600", "-o", "json")
    found = ran.json
    assert (ran.code, found["found"], found["missed"]) == (0, 1.0, 0)
    assert found["seconds_to_fail"]["median"] < 60
    assert found == carelane(tmp_path, *asked, "--longest", "600", "-o", "json").json
    people = carelane(tmp_path, *asked, "--longest", "600")
    assert "users see errors" in people.out


def test_rules_are_compared(tmp_path: Path) -> None:
    ran = carelane(tmp_path, "compare", record(tmp_path, 0.3))
    assert ran.code == 0
    for name in ("Carelane", "Argo Rollouts, failureLimit 0", "Flagger, threshold 5", "z-test"):
        assert name in ran.out
