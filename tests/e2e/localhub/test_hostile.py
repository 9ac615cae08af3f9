"""Workflows that mean harm, or are broken: the server goes on, other runs too, and no secret gets out."""

import base64
import http.client
from pathlib import Path

import pytest

from tests.localhub_server import WORKFLOWS, Clone, LocalhubServer, waits_at
from tests.localhub_workflows import answers, begun, said, shell_job
from tests.waiting import until

SECRET = "correct-horse-battery-staple"  # noqa: S105 - a test's own
LINES = "first-line-of-the-key\nsecond-line-of-the-key"


def test_a_job_sees_nothing_of_the_server(app: Clone, server: LocalhubServer) -> None:
    seen = said(
        app,
        shell_job(
            f"""
            ls -la {server.state} && echo "STATE SEEN" || true
            cat {server.state}/token && echo "TOKEN SEEN" || true
            ls {Path.home()}/.ssh && echo "KEYS SEEN" || true
            ls /proc | grep -E '^[0-9]+$' | wc -l
            touch /lh/repository.git/x /lh/bin/x /lh/caches/x && echo "WRITTEN" || true
            [ "$(id -u)" = 0 ] && echo "ROOT" || true
            env | grep -c "^GH_" || true
            """
        ),
    )
    for word in ("STATE SEEN", "TOKEN SEEN", "KEYS SEEN", "WRITTEN", "ROOT"):
        assert f"Z {word}" not in seen


def test_a_job_finds_neither_another_job_nor_anothers_caches_nor_the_socket(
    app: Clone, server: LocalhubServer
) -> None:
    other = server.repository(f"acme/victim-of-{app.name.partition('/')[2]}")
    step = "      - {uses: actions/cache@v4, with: {path: kept, key: theirs}}\n"
    said(other, shell_job("mkdir -p kept && echo VICTIMS-CACHE > kept/file", steps=step))
    text = shell_job(f"echo VICTIMS-WORK > here\nexport NAME=VICTIMS-NAME\n{waits_at('victim')}")
    victim = begun(other, text)
    until(lambda: list((server.state / "jobs").rglob("here")), 20, "the other job works")
    socket = server.state / "run" / "api.sock"
    assert socket.exists()
    seen = said(
        app,
        shell_job(
            f"""
            grep -rsa VICTIMS- /lh/caches /home /tmp /run /mnt {server.state} | sed 's/VICTIMS/SEEN/' || true
            cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -a NAME=VICTIMS | sed 's/VICTIMS/SEEN/' || true
            ls -d {server.state} /lh/caches/*.tar | sed 's/^/SEEN /' || true
            python -c "from socket import *; socket(AF_UNIX).connect('{socket}'); print('SEEN it')" || true
            echo "looked everywhere"
            """
        ),
    )
    server.open("victim")
    assert "Z looked everywhere" in seen
    assert [line for line in seen.splitlines() if "Z SEEN" in line or ":SEEN" in line] == []
    assert other.ended(victim)["conclusion"] == "success"


@pytest.mark.timeout(240)
def test_a_fork_bomb_ends_with_its_job(app: Clone) -> None:
    bomb = shell_job(
        """
        bomb() { bomb | bomb & }
        bomb
        sleep 2
        exit 1
        """,
        "    timeout-minutes: 1\n",
    )
    sha = app.push({f"{WORKFLOWS}/hostile.yml": bomb})
    run = app.run(head_sha=sha)
    assert app.ended(run, seconds=150)["conclusion"] in {"failure", "cancelled"}
    answers(app)


def test_names_that_lead_out_of_their_folder_are_not_kept(app: Clone) -> None:
    said(
        app,
        shell_job(
            """
            cd "$LOCALHUB_ROOT/out/artifacts"
            ln -s /etc etc
            mkdir linked && ln -s /etc/passwd linked/passwd
            mkdir piped && mkfifo piped/fifo
            mkdir 'a:b' && echo x > 'a:b/x'
            """
        ),
        "failure",
    )
    assert app.api("actions/artifacts")["artifacts"] == []
    answers(app)


@pytest.mark.parametrize("trap", ["mkfifo x.json", "ln -s /dev/zero x.json", "rm -rf ../artifacts ../caches"])
def test_what_a_job_leaves_holds_nobody_up(app: Clone, trap: str) -> None:
    said(app, shell_job(f'cd "$LOCALHUB_ROOT/out/caches"\n{trap}'))
    assert app.api("actions/caches")["actions_caches"] == []


def test_a_line_of_megabytes_is_cut_not_lost(app: Clone) -> None:
    words = said(app, shell_job("head -c 3000000 /dev/zero | tr '\\0' b; echo; echo after"))
    assert "b" * 60_000 in words
    assert "Z after" in words  # gh shows nothing of a step after a line that it cannot read


def test_an_alias_bomb_is_refused_when_it_is_pushed(app: Clone) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    sha = app.push({f"{WORKFLOWS}/hostile.yml": f"on: push\n{bomb}jobs: {{}}\n"})
    assert app.ended(app.run(head_sha=sha))["conclusion"] == "startup_failure"
    answers(app)


def test_a_workflow_that_calls_itself_many_times_is_refused_and_holds_nobody_up(
    app: Clone, server: LocalhubServer
) -> None:
    calls = "".join(f"  j{n}: {{uses: ./{WORKFLOWS}/bomb.yml}}\n" for n in range(20))
    sha = app.push({f"{WORKFLOWS}/bomb.yml": f"name: Bomb\non: [push, workflow_call]\njobs:\n{calls}"})
    run = app.run(head_sha=sha)
    for server_number in range(2):
        assert app.ended(run)["conclusion"] == "startup_failure"
        (remark,) = app.api(f"actions/runs/{run}/annotations")
        assert remark["message"].startswith("The run has more than 1024 jobs")
        assert app.api(f"actions/runs/{run}/jobs")["jobs"] == []
        answers(server.repository(f"acme/beside-{app.name.partition('/')[2]}-{server_number}"))
        server.stop()
        server.start()
    app.gh("run", "rerun", str(run))
    until(lambda: app.api(f"actions/runs/{run}")["run_attempt"] == 2, 15, "it is tried again")
    assert app.ended(run)["conclusion"] == "startup_failure"


def test_a_step_with_a_limit_beyond_all_numbers_keeps_no_other_job_waiting(app: Clone) -> None:
    text = shell_job("echo well").replace(
        "      - shell: bash\n", "      - shell: bash\n        timeout-minutes: .inf\n"
    )
    assert "Z well" in said(app, text)
    answers(app)


def test_an_action_outside_the_repository_is_refused(app: Clone) -> None:
    text = "on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ./../../outside\n"
    sha = app.push({f"{WORKFLOWS}/hostile.yml": text})
    assert app.ended(app.run(head_sha=sha))["conclusion"] == "startup_failure"


def test_remarks_on_lines_that_are_no_numbers_can_be_read_by_gh(app: Clone) -> None:
    odd = " ".join(["9" * 23, "9" * 5000, "2147483648", "-1", "1e9", "\u00b2"])
    text = shell_job(
        f"for n in {odd}; do echo ::error line=$n,endLine=$n,col=$n,endColumn=$n::said; done; false"
    )
    said(app, text, "failure")
    view = app.gh("run", "view", str(app.runs()[0]["id"])).out
    assert view.count("X said\njob: .github#1\n") == 6, view


def test_common_words_may_be_masked_without_harm(app: Clone) -> None:
    seen = said(app, shell_job('echo "::add-mask::the"\necho "::add-mask::e"\necho "the end of it"'))
    assert "nd of it" in seen


def test_a_secret_is_nowhere_to_be_read(app: Clone, server: LocalhubServer) -> None:
    for name, value in (("TOKEN", SECRET), ("KEY", LINES)):
        server.localhub("secret", "set", "--repo", app.name, name, stdin=value)
    workflow = shell_job(
        """
        echo "plain $TOKEN"
        printf %s "$TOKEN" | base64
        printf %s "user:$TOKEN" | base64 -w0; echo
        echo "$KEY"
        echo "::error title=$TOKEN::failed with $TOKEN"
        echo "out=$TOKEN" >> "$GITHUB_OUTPUT"
        echo "# $TOKEN" >> "$GITHUB_STEP_SUMMARY"
        """,
        "    outputs: {out: '${{ steps.s.outputs.out }}'}\n",
    ).replace(
        "      - shell: bash\n",
        "      - id: s\n        shell: bash\n"
        "        env: {TOKEN: '${{ secrets.TOKEN }}', KEY: '${{ secrets.KEY }}'}\n",
    )
    seen = said(app, workflow)
    assert "plain ***" in seen
    forms = [SECRET, base64.b64encode(SECRET.encode()).decode(), *LINES.splitlines()]
    run = app.runs()[0]["id"]
    told = seen + str(app.api(f"actions/runs/{run}/jobs")) + app.gh("run", "view", str(run)).out
    for form in forms:
        assert form not in told
    until(lambda: not list((server.state / "jobs").iterdir()), 15, "the job's folder is gone")
    for path in server.state.rglob("*"):
        if path.is_file() and "secrets" not in path.parts and "repositories" not in path.parts:
            content = path.read_bytes()
            assert not [form for form in forms if form.encode() in content], path


ODD = ("%00", "%ff", "99999999999999999999999", "-1", "main%00", "%ED%A0%80", "--help", "x" * 300)
PLACES = (
    "actions/runs/{}",
    "actions/runs?per_page={}",
    "actions/jobs/{}/logs",
    "actions/artifacts/{}/zip",
    "branches/{}",
    "commits/{}/status",
    "contents/{}",
    "contents/x?ref={}",
    "git/ref/heads/{}",
    "pulls/{}",
    "environments/{}",
    "compare/{}",
)
BODIES = (
    b"",
    b"[",
    b"\xff",
    b"[" * 60_000,
    b'{"ref":"\\ud800"}',
    b'{"title":"t","head":"x","base":"\\u0000"}',
)


def test_whatever_is_asked_the_answer_is_no_error_of_ours(app: Clone, server: LocalhubServer) -> None:
    token = server.environment()["GH_TOKEN"]

    def answered(method: str, path: str, body: bytes | None = None, bears: str = f"Bearer {token}") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Authorization": bears, "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    app.push()
    home = f"/repos/{app.name}"
    asked: list[tuple[str, str, bytes | None]] = []
    asked += [("GET", f"{home}/{place.format(odd)}", None) for place in PLACES for odd in ODD]
    for path in ("pulls", "dispatches", "actions/workflows/ci.yml/dispatches", "deployments"):
        asked += [("POST", f"{home}/{path}", body) for body in BODIES]
    asked += [("POST", "/graphql", body) for body in BODIES]
    asked += [("GET", f"/{app.name}.git/objects/../../../../tokens.json", None)]
    wrong = [each for each in asked if answered(*each) >= 500]
    assert not wrong
    assert answered("GET", "/user", None, "Basic AAAA\xff") == 401
