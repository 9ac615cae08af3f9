"""What people see: narrow terminals, and names that the shell completes."""

import os
import subprocess

import pytest

from carelane.base.children import ends_within
from tests.systems.fixtures import Make
from tests.systems.system import CARELANE, ENVIRONMENT, System, free_port
from tests.systems.terminals import Window, shown
from tests.waiting import until

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


def test_a_number_that_is_none_gets_a_sentence_and_a_full_device_is_no_bug(system: System) -> None:
    for words, said in (
        (("scale", "production", "web", "--replicas", "ab"), "wants a whole number from 1 to 100, not 'ab'"),
        (("deployments", "show", "abc"), "'NUMBER' wants a whole number, not 'abc'"),
        (("deploy", "production", "--release", "v1", "--timeout", "x"), "a number more than 0, not 'x'"),
    ):
        ran = system.run(*words)
        assert (ran.code, said in ran.err, "--help" in ran.err) == (2, True, True), ran.err
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [CARELANE, "status"],
            cwd=system.folder,
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 6
    assert "cannot write what there is to say" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_shell_beside_an_instance(system: System) -> None:
    system.shipped("v1")
    window = Window(system, 91, "exec", "-it", "production", "web", "--", "/bin/sh")
    window.read_until("$" if os.geteuid() else "#")
    window.press("stty size; echo $APP_VERSION $((6*7))\n")
    window.read_until("40 91")
    window.read_until("v1 42")
    # Said by what is in front already: a shell that is interrupted just before it starts one ends nothing.
    window.press("sh -c 'echo go$((1+1)); exec sleep 60'\n")
    window.read_until("go2")
    window.press("\x03")
    window.read_until("^C\n")
    window.press("echo still here; exit 9\n")
    assert window.end() == 9
    assert "still here" in window.text
    acts = [e["entry"] for e in system.client().get("/events/list", after=0)]
    (entry,) = [e for e in acts if e["act"] == "instance.executed"]
    assert (entry["reason"], entry["details"]) == ("/bin/sh", {"typed_into": True, "terminal": True})


def test_a_pipe_is_passed_on_and_a_terminal_is_a_persons(system: System) -> None:
    system.shipped("v1")
    much = os.urandom(3 << 20)
    piped = subprocess.run(
        [CARELANE, "exec", "-i", "production", "web", "--", "/bin/sh", "-c", "cat; echo end >&2; exit 4"],
        cwd=system.folder,
        env=ENVIRONMENT,
        input=much,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (piped.returncode, piped.stdout == much, piped.stderr) == (4, True, b"end\n")
    for words, code, said in (
        (("-it", "production", "web", "sh"), 2, "this is no terminal"),
        (("-i", "production", "web-99", "true"), 5, "web-99 does not run"),
        (("-i", "production", "web", "no-such-thing"), 2, "cannot run no-such-thing"),
        (("-i", "nowhere", "web-1", "true"), 4, "no environment 'nowhere'"),
    ):
        ran = system.run("exec", *words)
        assert (ran.code, said in ran.err) == (code, True), ran.err
    token = system.run("token", "create", "ci", "--deploy", "production", "-o", "json").json()["value"]
    server = system.folder / ".carelane" / "pipeline" / "carelane.sock"
    pipeline = {"CARELANE_TOKEN": token, "CARELANE_SERVER": str(server)}
    refused = subprocess.run(
        [CARELANE, "exec", "-i", "production", "web-1", "--", "true"],
        cwd=system.folder,
        env={**ENVIRONMENT, **pipeline},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert refused.returncode == 3, refused.stderr


def test_what_is_typed_and_what_is_said_wait_for_one_another_on_neither_side(system: System) -> None:
    """More each way than all that lies between holds: the command says all of it before it reads any."""
    system.shipped("v1")
    ahead = 16 << 20
    piped = subprocess.run(
        [
            CARELANE,
            "exec",
            "-i",
            "production",
            "web",
            "--",
            "sh",
            "-c",
            f"head -c {ahead} /dev/zero; wc -c >&2",
        ],
        cwd=system.folder,
        env=ENVIRONMENT,
        input=bytes(ahead),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (len(piped.stdout), piped.stderr.strip()) == (ahead, str(ahead).encode())


def test_a_command_ends_with_its_client(system: System) -> None:
    system.shipped("v1")
    mark = system.folder / "mark"
    script = f"echo $$ >{mark}; exec sleep 60"
    client = subprocess.Popen(
        [CARELANE, "exec", "-i", "production", "web", "--", "/bin/sh", "-c", script],
        cwd=system.folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
    )
    until(lambda: mark.exists() and mark.read_text().strip().isdigit(), 20, "it runs")
    client.kill()
    client.communicate()
    assert ends_within(int(mark.read_text()), 20)


def test_a_terminal_that_nothing_is_typed_into_is_interrupted_from_here(system: System) -> None:
    system.shipped("v1")
    window = Window(system, 80, "exec", "-t", "production", "web", "--", "/bin/sh", "-c", "echo go; sleep 60")
    window.read_until("go")
    window.press("\x03")
    assert window.end() == 130


def test_a_shell_that_is_hung_up_on_takes_what_runs_in_it_along(system: System) -> None:
    system.shipped("v1")
    window = Window(system, 80, "exec", "-it", "production", "web", "--", "/bin/sh", "-i")
    mark = system.folder / "mark"
    window.read_until("$" if os.geteuid() else "#")
    window.press(f"sh -c 'echo $$ >{mark}; exec sleep 60'\n")
    until(lambda: mark.exists() and mark.read_text().strip().isdigit(), 20, "it runs")
    window.process.kill()
    window.end()
    assert ends_within(int(mark.read_text()), 20)
