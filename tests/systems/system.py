"""A small system in a folder of its own, shipped by the real command line: given, when, then."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from carelane.cli.client import Client
from tests.waiting import until

CARELANE = Path(sys.executable).with_name("carelane")
HERE = Path(__file__).parent
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", "/"),
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@carelane.example",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@carelane.example",
}


def free_port() -> int:
    """A port that is free now, and unlikely to be taken before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def slow_to_start(seconds: float) -> list[str]:
    """A command that takes its time before it serves."""
    return ["/bin/sh", "-c", f"sleep {seconds}; exec {sys.executable} service.py"]


def _quick(strategy: Any) -> Any:  # noqa: ANN401 - YAML
    """The *strategy*, with instances that count as soon as they are ready unless it says otherwise."""
    said: dict[str, Any] = {"use": strategy} if isinstance(strategy, str) else dict(strategy)
    ways = [way for way in ("canary", "blue_green") if way in said]
    if "use" not in said and ways:
        said["use"] = ways[0].replace("_", "-")
    return {**said, "rolling": {"min_ready_seconds": 0, **said.get("rolling", {})}}


class Users:
    """Browsers that keep the cookies they are given, on one connection (as behind a clinic's proxy)."""

    def __init__(self, port: int, number: int) -> None:
        self._port = port
        self._cookies: list[str | None] = [None] * number

    def versions(self) -> list[str]:
        """Let each user ask once; the version each got."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        got = []
        for user, cookie in enumerate(self._cookies):
            connection.request("GET", "/", headers={} if cookie is None else {"Cookie": f"a=b; {cookie}"})
            response = connection.getresponse()
            got.append(json.loads(response.read())["version"])
            given = response.headers.get("set-cookie")
            if given is not None:
                assert cookie is None, "who has an identity keeps it"
                self._cookies[user] = given.partition(";")[0]
        connection.close()
        return got


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - JSON is of any shape
        """What it printed, read."""
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass
class System:
    """A system with one web service, and more as a test wants it."""

    folder: Path
    replicas: int = 2
    rollback: dict[str, Any] = field(default_factory=dict)
    strategy: Any = "rolling"
    extra_services: dict[str, Any] = field(default_factory=dict)
    extra_settings: dict[str, Any] = field(default_factory=dict)
    extra_environments: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    on_change: Callable[["System"], None] | None = None
    carelane: Path = CARELANE
    variables: dict[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    """Of everything that is run here; by itself nothing of whoever runs the tests."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main")

    # -- given

    def describe(self, fault: str = "", greeting: str = "hello", **web: Any) -> None:  # noqa: ANN401 - YAML
        """Write carelane.yaml and the service."""
        environment = {
            "APP_VERSION": "${version}",
            "APP_FAULT": fault,
            "GREETING": greeting,
            "INSTANCE": "${instance}",
        }
        service = {
            "kind": "web",
            "source": ["service.py"],
            "run": [sys.executable, "service.py"],
            "routes": ["/"],
            "probes": {
                "readiness": {"path": "/ready"},
                "liveness": {"path": "/live", "period_seconds": 0.3, "timeout_seconds": 0.5},
            },
            "health": "/health",
            "version": "/version",
            "drain_seconds": 5,
            "environment": environment,
            **web,
        }
        production = {
            "port": self.port,
            "replicas": {"web": self.replicas},
            "rollback": self.rollback,
            "strategy": _quick(self.strategy),
        }
        document = {
            "system": "small",
            "services": {"web": service, **self.extra_services},
            "environments": {"production": production, **self.extra_environments},
            **self.extra_settings,
        }
        (self.folder / "carelane.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        for name in ("service.py", "streaming.py", "worker.py"):
            shutil.copy(HERE / name, self.folder / name)

    def commit(self, tag: str, fault: str = "", greeting: str = "", **web: Any) -> str:  # noqa: ANN401 - YAML
        """Commit a version with *fault*, tagged *tag*; its SHA."""
        self.describe(fault, greeting or tag, **web)
        if self.on_change is not None:
            self.on_change(self)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", tag)
        self.git("tag", tag)
        return self.git("rev-parse", "HEAD").strip()

    def release(self, tag: str, fault: str = "", **web: Any) -> None:  # noqa: ANN401 - YAML
        """Commit a version and make its release."""
        self.commit(tag, fault, **web)
        self.must("release", "create", "--commit", tag)

    def git(self, *arguments: str) -> str:
        """Run git in the system's folder."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def up(self) -> None:
        """Start the server."""
        self.must("up", "--detach")

    # -- when

    def up_in_front(self, stdout: int, stderr: int) -> "subprocess.Popen[bytes]":
        """Start the server in the foreground, with its output there."""
        return subprocess.Popen(
            [str(self.carelane), "up"], cwd=self.folder, env=self.variables, stdout=stdout, stderr=stderr
        )

    def run(self, *arguments: str, timeout: float = 60) -> Ran:
        """Run `carelane`."""
        done = subprocess.run(
            [str(self.carelane), *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str) -> str:
        """Run `carelane` and see it succeed."""
        ran = self.run(*arguments)
        assert ran.code == 0, (
            f"carelane {' '.join(arguments)}: exit {ran.code}\n{ran.out}\n{ran.err}\n{self.log()}"
        )
        return ran.out

    def deploy(self, release: str, *, expect: int = 0) -> Ran:
        """Deploy and wait for the end."""
        ran = self.run("deploy", "production", "--release", release, "--wait")
        assert ran.code == expect, f"exit {ran.code}\n{ran.out}\n{ran.err}\n{self.log()}"
        return ran

    def shipped(self, *tags: str) -> None:
        """Release and deploy each of *tags*, one after another."""
        for tag in tags:
            self.release(tag)
            self.deploy(tag)

    @staticmethod
    def free_port() -> int:
        """A port that is free now."""
        return free_port()

    def users(self, number: int) -> "Users":
        """So many browsers, each with cookies of its own."""
        return Users(self.port, number)

    @staticmethod
    def get(port: int, path: str = "/") -> Any:  # noqa: ANN401 - JSON is of any shape
        """What a port answers, read."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return json.load(response)

    # -- then

    def client(self) -> Client:
        """The API."""
        return Client(str(self.folder))

    def environment(self) -> Any:  # noqa: ANN401 - JSON is of any shape
        """The environment as the server shows it."""
        return Client(str(self.folder)).get("/environments/production")

    def service(self, name: str = "web") -> Any:  # noqa: ANN401 - JSON is of any shape
        """One service of it."""
        return next(s for s in self.environment()["services"] if s["name"] == name)

    def instances(self, label: str | None = None, service: str = "web") -> list[Any]:
        """A service's instances, at *label* if named, with the pid and the port that their place tells."""
        shown = self.service(service)["instances"]
        return [{**i, **told(i["place"])} for i in shown if label is None or i["label"] == label]

    def last_deployment(self) -> Any:  # noqa: ANN401 - JSON is of any shape
        """The newest deployment."""
        return Client(str(self.folder)).get("/deployments", limit=1)[0]

    def history(self) -> list[Any]:
        """The revisions, newest first."""
        revisions: list[Any] = self.run("history", "production", "--output", "json").json()
        return revisions

    def until_phase(self, phase: str, seconds: float = 30) -> None:
        """Wait until the newest deployment is in *phase*."""
        until(lambda: self.last_deployment()["phase"] == phase, seconds, f"the last deployment is {phase}")

    def until_calm(self, seconds: float = 30) -> None:
        """Wait until nothing is draining or stopping."""
        until(
            lambda: all(i["intent"] in {"serve", "warm"} for i in self.instances()),
            seconds,
            "nothing is leaving",
        )

    def server_pid(self) -> int:
        """The server's process."""
        pid: int = Client(str(self.folder)).get("/system")["pid"]
        return pid

    def log(self) -> str:
        """What the server said, for a failing assertion."""
        file = self.folder / ".carelane" / "server.log"
        return file.read_text()[-3000:] if file.exists() else "(no server log)"

    def down(self) -> None:
        """End everything; a server that was killed is started once more to do so."""
        if not (self.folder / ".carelane").exists():
            return
        if self.run("status").code != 0:
            self.run("up", "--detach")
        ran = self.run("down")
        assert ran.code == 0, ran.err + self.log()


def told(place: str | None) -> dict[str, int | None]:
    """The numbers in ``pid 4711, port 20001``."""
    told = dict(part.split() for part in (place or "").split(", ") if part)
    return {name: int(told[name]) if name in told else None for name in ("pid", "port")}
