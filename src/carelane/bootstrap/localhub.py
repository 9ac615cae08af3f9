"""The localhub of a system: a process of its own beside the server, started and ended with it.

Carelane and localhub do not import one another: they meet over its command line, HTTP and git.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import sysconfig
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import carelane
from carelane.base import environment, json_files
from carelane.base.errors import PlatformError
from carelane.base.unix_http import UnixHTTPConnection, short_address
from carelane.bootstrap import pipeline_token
from carelane.bootstrap.places import Places
from carelane.config.model import PipelineSettings
from carelane.platforms.processes.shims import Shims
from carelane.store.tokens import SqlTokenRepository

PROCESSES = "pipeline-processes"
"""Where its shim is, in the state's folder."""
NAME = "localhub"
IN_SANDBOX = "/run/carelane"
READY_SECONDS = 20.0
ANSWER_SECONDS = 10.0
LOOK_EVERY_SECONDS = 2.0
OF_REGISTRIES = ("PIP_", "UV_", "npm_config_", "GOPROXY")
TOWARDS_THEM = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""What localhub passes on to jobs, and is given besides what every process needs (docs/localhub.md)."""
_WRAPPER = """#!/bin/sh
# carelane, as jobs find it: the server's own installation, read-only in their sandbox.
PYTHONPATH={paths} exec "$LOCALHUB_PYTHON/bin/python3" -s -m carelane.cli.main "$@"
"""


class Localhub:
    """Starts localhub and tells it what its jobs need of Carelane."""

    def __init__(self, places: Places, settings: PipelineSettings) -> None:
        self._places = places
        self._settings = settings
        self._shims = Shims(places.state / PROCESSES)

    @property
    def repository_folder(self) -> Path:
        """The bare repository that is pushed to."""
        return self._places.localhub / "repositories" / f"{self._settings.repository}.git"

    def begin(self, tokens: SqlTokenRepository, now: datetime) -> None:
        """Make the repository, write the settings, and start it where it does not run.

        Raises:
            PlatformError: If it cannot be started.
        """
        self._places.localhub.mkdir(mode=0o700, exist_ok=True)
        self._write_settings()
        if not (self.repository_folder / "HEAD").exists():
            self.command("repo", "create", self._settings.repository)
        self._provision(tokens, now)
        for name, people in self._settings.reviewers.items():
            named = [word for person in people for word in ("--reviewer", person)]
            self.command("environment", self._settings.repository, name, *named)
        if not self._shims.running(self._shims.status(NAME)):
            self._shims.clear(NAME)
        self._keep()
        self._await_answer()

    def _keep(self) -> None:
        if self._shims.spec(NAME) is None:
            self._shims.write(NAME, self._spec())
        self._shims.ensure(NAME)

    def look(self) -> float:
        """See to it that it runs, and ask it how it is; the seconds until that is due again.

        Raises:
            PlatformError: If it does not answer, or not well.
        """
        self._keep()
        connection = UnixHTTPConnection(self._address, ANSWER_SECONDS)
        try:
            connection.request("GET", "/meta")
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PlatformError(f"localhub does not answer: {error}") from error
        finally:
            connection.close()
        if answer.get("failing"):
            raise PlatformError("; ".join(answer["failing"]))
        return LOOK_EVERY_SECONDS

    @property
    def _address(self) -> Path:
        return self._places.localhub / "run" / "api.sock"

    def _await_answer(self) -> None:
        """Returns once localhub listens.

        Raises:
            PlatformError: If it does not in time, with the last it said.
        """
        give_up = time.monotonic() + READY_SECONDS
        while not _listens(self._address):
            if time.monotonic() > give_up:
                logs = sorted(self._shims.folder(NAME).glob("run-*.log"))
                said = logs[-1].read_text(errors="replace").strip().splitlines()[-1:] if logs else []
                words = " ".join(said) or "it said nothing"
                raise PlatformError(f"localhub does not listen within {READY_SECONDS:g} s: {words}")
            time.sleep(0.05)

    def _provision(self, known: SqlTokenRepository, now: datetime) -> None:
        """See to it that jobs have a token of their own, for the environments that are named and no other."""
        value = pipeline_token.renewed(known, self._places.pipeline_token, tuple(self._settings.deploy), now)
        if value is None:
            return
        repository = ("--repo", self._settings.repository)
        self.command("secret", "set", *repository, "CARELANE_TOKEN", given=value)
        server = f"{IN_SANDBOX}/server/{self._places.pipeline_socket.name}"
        self.command("secret", "set", *repository, "--variable", "CARELANE_SERVER", given=server)
        pipeline_token.given(self._places.pipeline_token, value)

    def stop(self, timeout_seconds: float) -> list[str]:
        """End it with its jobs; its name where it would not end."""
        self._shims.stop(NAME, timeout_seconds)
        left = self._shims.wait_ended([NAME], timeout_seconds)
        self._shims.clear(NAME)
        return left

    def command(self, *arguments: str, given: str | None = None) -> str:
        """Run `localhub …` on this system's state, and return what it prints.

        Raises:
            PlatformError: If it fails, in its own words.
        """
        done = subprocess.run(
            [*_program(), *arguments, "--state", str(self._places.localhub)],
            umask=0o022,
            env=environment.plain(),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PlatformError(f"localhub {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def _spec(self) -> dict[str, Any]:
        command = [*_program(), "serve", "--state", str(self._places.localhub)]
        command += ["--config", str(self._places.localhub / "localhub.yaml")]
        if self._settings.port is not None:
            command += ["--port", str(self._settings.port)]
        registries = [name for name in os.environ if name.startswith(OF_REGISTRIES) or name in TOWARDS_THEM]
        return {
            "command": command,
            "folder": str(self._places.localhub),
            "environment": environment.plain(),
            # By name only: addresses of registries have passwords in them.
            "secrets": {name: {"variable": name, "file": None, "optional": True} for name in registries},
        }

    def _write_settings(self) -> None:
        """Jobs get this system's pipeline socket and the command `carelane`, read-only."""
        tools = self._places.state / "pipeline-tools"
        tools.mkdir(exist_ok=True)
        tools.chmod(0o755)
        source = Path(carelane.__file__).parent.parent
        packages = Path(sysconfig.get_path("purelib"))
        paths = [str(source), str(packages)] if source != packages else [str(packages)]
        wrapper = tools / "carelane"
        wrapper.write_text(_WRAPPER.format(paths=":".join(paths)))
        wrapper.chmod(0o755)
        binds = {path: path for path in paths}
        binds[str(tools)] = f"{IN_SANDBOX}/bin"
        binds[str(self._places.pipeline_socket.parent)] = f"{IN_SANDBOX}/server"
        settings = {"slots": self._settings.slots, "binds": binds, "paths": [f"{IN_SANDBOX}/bin"]}
        settings |= {"keep_runs": self._settings.keep_runs, "keep_days": self._settings.keep_days}
        if self._settings.home_memory_mb is not None:
            settings["home_memory_mb"] = self._settings.home_memory_mb
        json_files.write(self._places.localhub / "localhub.yaml", settings)


def _listens(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        try:
            with short_address(address) as short:
                trial.connect(short)
        except OSError:
            return False
    return True


def _program() -> list[str]:
    return [sys.executable, "-P", "-m", "localhub"]
