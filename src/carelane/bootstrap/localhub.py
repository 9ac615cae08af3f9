"""The localhub of a system: a process of its own beside the server, started and ended with it.

Carelane and localhub do not import one another: they meet over its command line, HTTP and git.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import carelane
from carelane.base.errors import PlatformError
from carelane.bootstrap.places import Places
from carelane.config.model import PipelineSettings
from carelane.platforms.processes.shims import Shims

NAME = "localhub"
IN_SANDBOX = "/run/carelane"
TOKEN_NAME = "pipeline"
_WRAPPER = """#!/bin/sh
# carelane, as jobs find it: the server's own installation, read-only in their sandbox.
PYTHONPATH={paths} exec "$LOCALHUB_ROOT/python/bin/python3" -s -m carelane.cli.main "$@"
"""


class Localhub:
    """Starts localhub and tells it what its jobs need of Carelane."""

    def __init__(self, places: Places, settings: PipelineSettings) -> None:
        self._places = places
        self._settings = settings
        self._shims = Shims(places.state / "pipeline-processes")

    @property
    def repository_folder(self) -> Path:
        """The bare repository that is pushed to."""
        return self._places.localhub / "repositories" / f"{self._settings.repository}.git"

    @property
    def token_file(self) -> Path:
        """What localhub gives to jobs as CARELANE_TOKEN; kept where only this user reads."""
        return self._places.state / "pipeline-token"

    def begin(self) -> None:
        """Make the repository, write the settings, and start it where it does not run.

        Raises:
            PlatformError: If it cannot be started.
        """
        self._places.localhub.mkdir(mode=0o700, exist_ok=True)
        self._write_settings()
        if not (self.repository_folder / "HEAD").exists():
            self.command("repo", "create", self._settings.repository)
        if self._shims.spec(NAME) is None:
            self._shims.write(NAME, self._spec())
        self._shims.ensure(NAME)

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
        return {"command": command, "folder": str(self._places.localhub), "environment": dict(os.environ)}

    def _write_settings(self) -> None:
        """Jobs get this system's pipeline socket and the command `carelane`, read-only."""
        tools = self._places.state / "pipeline-tools"
        tools.mkdir(mode=0o755, exist_ok=True)
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
        (self._places.localhub / "localhub.yaml").write_text(json.dumps(settings))


def _program() -> list[str]:
    return [sys.executable, "-m", "localhub"]


