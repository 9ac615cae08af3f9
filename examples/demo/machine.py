"""What the demo drives: the real command line, the example's repository, and its traffic."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import yaml

from carelane.base.errors import CarelaneError
from carelane.cli.client import Client
from examples import make_repository

CARELANE = Path(sys.executable).with_name("carelane")
ENVIRONMENTS = ("development", "staging", "production")
DEADLINE_SECONDS = 30


class Machine:
    """A copy of the example in a folder of its own, and `carelane` in it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="carelane-demo-"))
        self.folder.chmod(0o755)
        make_repository.make(self.folder)
        self.ports = self._adapt()

    def _adapt(self) -> dict[str, int]:
        """Free ports where the usual are taken, and numbers that suit an audience.

        A canary gets half of the users at once, and a ratio under 4 % is never bad: some 200 requests
        without an error show that, a matter of seconds at the demo's traffic.

        Both are policy: they are read from the folder, not from the commits that are released.
        """
        file = self.folder / "carelane.yaml"
        document = yaml.safe_load(file.read_text())
        ports = {}
        for name in ENVIRONMENTS:
            settings = document["environments"][name]
            settings["port"] = ports[name] = _free(settings["port"])
            settings["rollback"] = {"progress_deadline_seconds": DEADLINE_SECONDS}
        steps = [{"weight": 50}, {"analysis": {"seconds": 120}}]
        production = document["environments"]["production"]
        production["strategy"]["canary"] = {"steps": steps, "on_inconclusive": "abort"}
        production["analysis"] = {"floor": 0.04}
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return ports

    def carelane(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `carelane`; its words are in the error if it fails."""
        done = subprocess.run(
            [str(CARELANE), *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise SystemExit(f"carelane {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done

    def environments(self) -> list[dict[str, Any]] | None:
        """What `carelane status` shows, without the price of a process each time; None without an answer."""
        try:
            found: list[dict[str, Any]] = Client(str(self.folder)).get("/environments")
        except (CarelaneError, OSError):
            return None
        return found

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON is of any shape
        """Run `carelane` and read what it prints."""
        return json.loads(self.carelane(*arguments, "--output", "json").stdout)

    def python(self) -> Path:
        """The interpreter with the example's dependencies, as built for its release."""
        release = self.json("release", "show", "v1.0")
        digest = next(iter(release["versions"].values()))["artifact"]["dependencies"]
        return self.folder / ".carelane" / "artifacts" / "dependencies" / str(digest) / "bin" / "python"

    def remove(self) -> None:
        """Take everything down and the folder away."""
        self.carelane("down", check=False)
        subprocess.run(["chmod", "-R", "u+w", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Traffic:
    """The example's own users, and what they saw, second by second."""

    def __init__(self, machine: Machine, rate: float) -> None:
        url = f"http://127.0.0.1:{machine.ports['production']}"
        command = [
            str(machine.python()),
            "-m",
            "traffic",
            "--url",
            url,
            "--rate",
            str(rate),
            "--seconds",
            "600",
        ]
        self._process = subprocess.Popen(
            [*command, "--users", "500", "--connections", "16", "--progress", "--output", "json"],
            cwd=machine.folder / "src-code",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.seconds: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)
            if "second" in said:  # the last line is the report of the whole
                self.seconds.append({**said, "at": time.time()})

    def end(self) -> None:
        """Stop, and wait for the last words."""
        self._process.terminate()
        self._process.wait(20)
        self._reader.join(5)


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.close()
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                free: int = other.getsockname()[1]
            return free
    return port
