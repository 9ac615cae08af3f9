"""What people see: narrow terminals, and names that the shell completes."""

import subprocess

import pytest

from tests.systems.fixtures import Make
from tests.systems.system import CARELANE, ENVIRONMENT, System, free_port
from tests.systems.terminals import shown

COMPLETED = """
eval "$({carelane} completion bash)"
COMP_WORDS=({words}); COMP_CWORD={last}; _carelane_completion carelane
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(system: System, *words: str) -> list[str]:
    """What a real bash offers behind `carelane` and *words*, of which the last is being typed."""
    quoted = " ".join(f"'{word}'" for word in ("carelane", *words))
    script = COMPLETED.format(carelane=CARELANE, words=quoted, last=len(words))
    own = {**ENVIRONMENT, "PATH": f"{CARELANE.parent}:{ENVIRONMENT['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=system.folder, env=own, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return sorted(done.stdout.split())


def test_names_are_completed_from_what_there_is(make_system: Make) -> None:
    system = make_system(extra_environments={"staging": {"port": free_port()}})
    system.shipped("v1", "v2")
    instances = sorted(i["id"] for i in system.instances() if i["intent"] == "serve")
    assert completed(system, "deploy", "") == ["production", "staging"]
    assert completed(system, "deploy", "st") == ["staging"]
    assert completed(system, "deploy", "production", "--release", "") == ["v1", "v2"]
    assert completed(system, "-C", str(system.folder), "env", "show", "p") == ["production"]
    assert completed(system, "logs", "production", "") == ["web"]
    assert set(instances) <= set(completed(system, "env", "describe", "production", ""))
    assert completed(system, "rollback", "production", "--to-revision", "") == ["1", "2"]
    assert completed(system, "deployments", "show", "") == ["1", "2"]
    assert completed(system, "release", "show", "v2") == ["v2"]
    system.must("down")
    assert completed(system, "deploy", "") == ["production", "staging"], "from carelane.yaml"
    assert completed(system, "release", "show", "") == []


@pytest.mark.parametrize("columns", [60, 80])
def test_nothing_is_broken_within_a_word(system: System, columns: int) -> None:
    system.shipped("v1")
    system.release("v2")
    why = "the new greeting that was asked for by many of our users in the last years"
    system.must("deploy", "production", "--release", "v2", "--reason", why)
    for words in (
        ("status",),
        ("env", "show", "production"),
        ("env", "describe", "production"),
        ("deployments", "list"),
        ("deployments", "show", "2"),
        ("history", "production"),
        ("release", "list"),
        ("release", "show", "v2"),
        ("deploy", "production", "--release", "v1", "--plan"),
        ("rollback", "production", "--plan", "--reason", "x"),
        ("disk",),
        ("prune", "--dry-run"),
        ("events", "--after", "0"),
        ("emergency-rollback", "production"),
        ("deploy", "production", "--release", "v9"),
        ("reload",),
        ("notifications",),
        ("debug", "bundle", "--yes"),
    ):
        for line in shown(system, columns, *words):
            assert len(line) <= columns or len(line.split()) == 1, f"{words}: {line!r}"
