"""A real `localhub serve` on a folder of its own, with the real gh and git that speak to it.

with running(tmp_path) as server:
    app = server.repository("acme/app")
    app.push({".github/workflows/ci.yml": "..."})
    app.gh("run", "list")
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from tests.waiting import until

BIN = Path(sys.executable).parent
SERVES = re.compile(r"^localhub serves .* and http://127\.0\.0\.1:(\d+)$", re.MULTILINE)
STARTS_WITHIN_SECONDS = 30.0
RUN_WITHIN_SECONDS = 90.0
_NUMBERS = count(1)
WORKFLOWS = ".github/workflows"


def waits_at(gate: str) -> str:
    """A `run:` that ends once the test opens that gate (`server.open`), and fails should it never."""
    return f"timeout 100 sh -c 'until [ -e /gates/{gate} ]; do sleep 0.05; done'"


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - JSON is of any shape
        """What it printed, read."""
        return json.loads(self.out)


@dataclass
class Started:
    """A command that runs, and what it has printed so far."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def out(self) -> str:
        """What it has printed, on either stream."""
        return self.file.read_text(encoding="utf-8")

    def ended(self, *, seconds: float = RUN_WITHIN_SECONDS) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(timeout=seconds)


def ran(
    command: list[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    code: int | None = 0,
    stdin: str = "",
    seconds: float = RUN_WITHIN_SECONDS,
) -> Ran:
    """A command that must end with *code* (None: with any) before *seconds* have passed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        input=stdin,
        text=True,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    words = f"{shlex.join(command)} ended with {done.returncode}, not {code}:\n{done.stdout}\n{done.stderr}"
    assert code is None or done.returncode == code, words
    return Ran(done.returncode, done.stdout, done.stderr)


@dataclass
class LocalhubServer:
    """One localhub: its state folder, its process, and the environment of those who use it."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _gh: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """Where localhub keeps everything."""
        return self.folder / "state"

    @property
    def output(self) -> str:
        """What the server has said so far."""
        return (self.folder / "server.log").read_text(encoding="utf-8")

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None, "it has not been started"
        return self._process.pid

    @property
    def base(self) -> dict[str, str]:
        """What every command here is run with: nothing of the person who runs the tests but PATH."""
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }

    @property
    def _gates(self) -> Path:
        return self.folder / "gates"

    def open(self, gate: str) -> None:
        """Lets jobs pass that wait at this gate."""
        (self._gates / gate).touch(mode=0o644)

    def start(self) -> None:
        """Starts the server and returns once it serves."""
        self._gates.mkdir(exist_ok=True)
        self._gates.chmod(0o755)
        settings = {"binds": {str(self._gates): "/gates"}, **self.settings}
        (self.folder / "localhub.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        command = [str(BIN / "localhub"), "serve", "--state", str(self.state), "--port", str(self.port)]
        command += ["--config", str(self.folder / "localhub.yaml")]
        passed = {name: value for name, value in os.environ.items() if not name.startswith(("GH_", "GIT_"))}
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env={**passed, **self.base}, cwd=self.folder
            )
        try:
            until(lambda: self._serves() or self._ended(), STARTS_WITHIN_SECONDS, "localhub serves")
        except AssertionError:
            self.kill()
            raise
        found = self._serves()
        assert found is not None, f"localhub did not start:\n{self.output}"
        self.port = int(found[1])
        self._gh = self.environment()

    def _serves(self) -> re.Match[str] | None:
        return SERVES.search(self.output)

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def stop(self) -> None:
        """Ends the server as Ctrl-C does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the server as a crash does: it gets no chance to clean up."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._ended():
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=15)
            raise

    def localhub(self, *arguments: str, code: int | None = 0, stdin: str = "") -> Ran:
        """Runs `localhub` on this state folder."""
        command = [str(BIN / "localhub"), *arguments, "--state", str(self.state)]
        return ran(command, self.base, self.folder, code=code, stdin=stdin)

    def environment(self, login: str | None = None) -> dict[str, str]:
        """The environment that `localhub env` prints; with another person's token where *login* is given."""
        lines = self.localhub("env").out.splitlines()
        settings = dict(shlex.split(line)[1].split("=", 1) for line in lines)
        if login is not None:
            settings["GH_TOKEN"] = self.localhub("token", login).out.strip()
        return {**self.base, **settings}

    def gh(self, *arguments: str, folder: Path | None = None, login: str | None = None, **more: Any) -> Ran:  # noqa: ANN401 - as `ran`
        """Runs gh; it must end with exit code 0 unless another *code* is given."""
        environment = self._gh if login is None else self.environment(login)
        return ran([str(BIN / "gh"), *arguments], environment, folder or self.folder, **more)

    @contextmanager
    def gh_started(self, *arguments: str, folder: Path | None = None) -> Iterator["Started"]:
        """gh while it runs; it is ended should the test not have waited for it."""
        with (self.folder / f"gh-{next(_NUMBERS)}.out").open("w+b") as out:
            process = subprocess.Popen(
                [str(BIN / "gh"), *arguments],
                cwd=folder or self.folder,
                env=self._gh,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            try:
                yield Started(process, Path(out.name))
            finally:
                process.kill()
                process.wait()

    def repository(self, name: str) -> "Clone":
        """A new repository, and a clone of it."""
        owner, _, short = name.partition("/")
        self.gh("api", f"orgs/{owner}/repos", "-f", f"name={short}")
        folder = self.folder / "clones" / short
        folder.mkdir(parents=True)
        clone = Clone(self, name, folder)
        clone.git("init", "--quiet", "--initial-branch", "main")
        clone.git("remote", "add", "origin", f"http://github.localhost:{self.port}/{name}.git")
        clone.git("config", "http.extraHeader", f"Authorization: Bearer {self._gh['GH_TOKEN']}")
        return clone


@dataclass
class Clone:
    """Somebody's working copy, whose `origin` is the server."""

    server: LocalhubServer
    name: str
    folder: Path

    def git(self, *arguments: str, **more: Any) -> str:  # noqa: ANN401 - as `ran`
        """Runs git here; what it printed."""
        return ran(["git", *arguments], self.server.base, self.folder, **more).out.strip()

    def gh(self, *arguments: str, **more: Any) -> Ran:  # noqa: ANN401 - as `ran`
        """Runs gh here."""
        return self.server.gh(*arguments, folder=self.folder, **more)

    def api(self, path: str, *arguments: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
        """What `gh api repos/OWNER/NAME/PATH` answers."""
        out = self.gh("api", f"repos/{self.name}/{path}".rstrip("/"), *arguments, **more).out
        return json.loads(out) if out.strip() else None

    def commit(self, files: Mapping[str, str] | None = None, message: str = "a change") -> str:
        """Commits files, each by its path; the SHA."""
        for path, text in (files or {}).items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self, files: Mapping[str, str] | None = None, message: str = "a change") -> str:
        """Commits files and pushes the branch; the SHA."""
        sha = self.commit(files, message)
        self.git("push", "--quiet", "--set-upstream", "origin", "HEAD")
        return sha

    def runs(self, **wanted: str | int) -> list[dict[str, Any]]:
        """Runs as the API lists them, newest first: with head_sha=..., event=... and so on."""
        query = "&".join(f"{key}={value}" for key, value in {"per_page": 100, **wanted}.items())
        found: list[dict[str, Any]] = self.api(f"actions/runs?{query}")["workflow_runs"]
        return found

    def run(self, *, seconds: float = 15.0, **wanted: str | int) -> int:
        """The id of the newest such run, once there is one."""
        until(lambda: self.runs(**wanted), seconds, f"a run with {wanted}")
        return int(self.runs(**wanted)[0]["id"])

    def ended(self, run_id: int, *, seconds: float = RUN_WITHIN_SECONDS) -> dict[str, Any]:
        """The run, once it has ended."""
        return self.reached(run_id, "completed", seconds=seconds)

    def reached(self, run_id: int, status: str, *, seconds: float = RUN_WITHIN_SECONDS) -> dict[str, Any]:
        """The run, once it has that status."""
        path = f"actions/runs/{run_id}"
        until(lambda: self.api(path)["status"] == status, seconds, f"run {run_id} is {status}")
        found: dict[str, Any] = self.api(path)
        return found


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[LocalhubServer]:  # noqa: ANN401 - localhub.yaml's own
    """A server on *folder*, ended at the end. Workflow files are not linted unless `lint=True` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    server = LocalhubServer(folder, {"lint": False, **settings})
    try:
        server.start()
        yield server
    finally:
        server.stop()
