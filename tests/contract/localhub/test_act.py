"""What folding leaves to act, run by act: the same value as GitHub's, and nothing evaluated twice."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localhub import expressions
from localhub.expressions import Scope, Value

ACT = Path(sys.executable).parent / "act"
OUTPUTS: dict[str, Value] = {
    "v": "1.10", "n": "42", "e": "", "m": "Mona's <cat>", "j": '{"k":[1,"two"],"K2":{"x":0}}', "key": "b",
}  # fmt: skip
STEPS: Value = {"s": {"outputs": OUTPUTS, "outcome": "success", "conclusion": "success"}}
TITLE = "it's ${{ secrets.T }} $"
KNOWN: dict[str, Value] = {
    "github": {"ref": "refs/heads/main", "event": {"title": TITLE, "labels": [{"name": "a"}, {"name": "B"}]}},
    "needs": {"a": {"result": "success", "outputs": {"m": '{"a":{"x":1},"b":{"x":"two"}}', "big": "1e21"}}},
    "matrix": {
        "py": 3.12,
        "big": 12_345_678_901,
        "small": 1e-7,
        "flag": True,
        "none": None,
        "list": ["x", "Y"],
    },
    "env": {},
}
KEEP = frozenset({"steps", "secrets", "always"})
SOURCES = """
steps.s.outputs.v
needs.a.result == 'success' && steps.s.outputs.v || 'no'
needs.a.result != 'success' || steps.s.outputs.e
steps.s.outputs.e || needs.a.outputs.big
steps.s.outputs.n == 42
steps.s.outputs.n == matrix.big
steps.s.outputs.n < matrix.big && steps.s.outputs.n > matrix.small
steps.s.outputs.n == 42 == true
steps.s.outputs.n > 41 > 0
steps.s.outputs.e == null
steps.s.outputs.e == false
steps.s.outputs.nothing == matrix.none
steps.s.outputs.n != NaN
steps.s.outputs.e || matrix.big
steps.s.outputs.n && matrix.small
steps.s.outputs.n && 0.00001
steps.s.outputs.n && -15.5
steps.s.outputs.n && 9007199254740993
format('{0} {1} {2} {3} {4}', matrix.py, matrix.big, matrix.small, matrix.flag, steps.s.outputs.n)
format('{0}{1}', github.event.title, steps.s.outputs.m)
format('{{{0}}} {1}', matrix.none, steps.s.outputs.m)
fromJSON(needs.a.outputs.m)[steps.s.outputs.key].x
fromJSON(steps.s.outputs.j).k[1]
fromJSON(steps.s.outputs.j)['K2'].x == 0
contains(github.event.labels.*.name, steps.s.outputs.key)
contains(matrix.list, steps.s.outputs.v)
contains(steps.s.outputs.m, 'MONA')
startsWith(steps.s.outputs.m, matrix.list[5])
endsWith(steps.s.outputs.v, '0')
join(matrix.list, steps.s.outputs.v)
case(steps.s.outcome == 'success', matrix.none, 'x')
case(steps.s.outcome != 'success', 1, false)
case(steps.s.outputs.e == 'x', 1, matrix.flag, steps.s.outputs.n, 3)
case(steps.s.outputs.n == 42, case(steps.s.outputs.v == 1.1, 'both', 'one'), 'none')
toJSON(steps.s.outputs.n)
!steps.s.outputs.e && !(matrix.none || steps.s.outputs.e)
(steps.s.outputs.e || matrix.list)[1]
steps['s'].OUTPUTS['V']
""".strip().splitlines()
DIFFERENT = {
    "matrix.list[fromJSON(steps.s.outputs.j).K2.x]": "",
    "toJSON(steps.s.outputs.m)": '"Mona\'s \\u003ccat\\u003e"',
    "'[' < steps.s.outputs.key": "true",
    "join(needs.a.outputs, steps.s.outputs.v)": "Object",
}
"""What act gives where it differs from GitHub, as folding.py says: a newer act may do better."""


def run(where: Path, workflow: dict[str, Any]) -> dict[str, str]:
    """What the environment was in the last step of a job that act ran."""
    (where / "w.yml").write_text(json.dumps(workflow))
    (where / "home").mkdir()
    environment = {"HOME": str(where / "home"), "PATH": os.environ["PATH"]}
    subprocess.run(["git", "init", "-q"], cwd=where, check=True, env=environment)
    command: list[str | Path] = [
        ACT,
        "push",
        "-W",
        "w.yml",
        "-P",
        "x=-self-hosted",
        "--no-cache-server",
        "-s",
        "T=expanded",
    ]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unable to interpolate" not in done.stdout
    pairs = (pair.partition("=") for pair in (where / "out").read_text().split("\0"))
    return {name: value for name, _, value in pairs}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One job with everything that is looked at below."""
    where = tmp_path_factory.mktemp("act")

    def fold(text: str, times: int = 1) -> str:
        return expressions.fold(text, Scope(KNOWN), KEEP, times=times)

    outputs = "\n".join(f'printf "%s\\n" "$O_{name}" >> "$GITHUB_OUTPUT"' for name in OUTPUTS)
    folded = {f"S{at}": fold(f"${{{{ {source} }}}}") for at, source in enumerate([*SOURCES, *DIFFERENT])}
    title = "T ${{ github.event.title }}"
    steps: list[dict[str, Any]] = [
        {
            "id": "s",
            "run": outputs,
            "env": {f"O_{name}": f"{name}={value}" for name, value in OUTPUTS.items()},
        },
        {"run": f"echo unreached > {where}/unreached", "if": condition("needs.a.result != 'success'")},
        {"run": f"echo reached > {where}/reached", "if": condition("always() && github.event.title")},
        {"env": {**folded, "STEP": fold(title)}, "run": f"env -0 > {where}/out"},
    ]
    job = {
        "runs-on": "x",
        "env": {"JOB": fold(title, 2), "LEFT": fold("$${{ secrets.T }}", 2)},
        "steps": steps,
    }
    found = run(
        where, {"name": fold(title), "on": "push", "env": {"WORKFLOW": fold(title, 2)}, "jobs": {"j": job}}
    )
    return found | {
        "unreached": str((where / "unreached").exists()),
        "reached": (where / "reached").read_text(),
    }


def condition(source: str) -> str:
    """A condition as it is handed to act."""
    return expressions.fold_condition(source, Scope(KNOWN), KEEP)


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_left_to_act_has_githubs_value(ran: dict[str, str], source: str) -> None:
    value = expressions.evaluate(source, Scope({**KNOWN, "steps": STEPS}))
    assert ran[f"S{SOURCES.index(source)}"] == expressions.text(value)


@pytest.mark.parametrize("source", DIFFERENT)
def test_where_act_is_known_to_differ_it_differs_so(ran: dict[str, str], source: str) -> None:
    at = len(SOURCES) + list(DIFFERENT).index(source)
    value = expressions.text(expressions.evaluate(source, Scope({**KNOWN, "steps": STEPS})))
    assert ran[f"S{at}"] == DIFFERENT[source] != value


@pytest.mark.parametrize("place", ["STEP", "JOB", "WORKFLOW"])
def test_text_from_outside_is_never_evaluated(ran: dict[str, str], place: str) -> None:
    assert ran[place] == f"T {TITLE}"


def test_secrets_are_left_to_act(ran: dict[str, str]) -> None:
    assert ran["LEFT"] == "$expanded"


def test_conditions_decide(ran: dict[str, str]) -> None:
    assert (ran["unreached"], ran["reached"]) == ("False", "reached\n")
