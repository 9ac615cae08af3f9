"""The example, in a git repository of its own, up and deployed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from examples import make_repository
from tests.systems.system import CARELANE, Ran, free_port

WITH_CARELANE = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@dataclass
class Healthcare:
    """A copy of the example with ports of its own; policy stands in the folder, not in the commits."""

    folder: Path

    def __post_init__(self) -> None:
        for parent in list(self.folder.parents)[:3]:
            parent.chmod(0o755)  # pytest's own folders; PostgreSQL is another user where we are root
        make_repository.make(self.folder)
        file = self.folder / "carelane.yaml"
        document = yaml.safe_load(file.read_text())
        for settings in document["environments"].values():
            settings["port"] = free_port()
            settings["replicas"] = {"backend": 1, "frontend": 1}
            settings["rollback"] = {"progress_deadline_seconds": 15}
        self.ports = {name: e["port"] for name, e in document["environments"].items()}
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    def url(self, environment: str) -> str:
        """The front door's address."""
        return f"http://127.0.0.1:{self.ports[environment]}"

    def carelane(self, *arguments: str, code: int = 0) -> Ran:
        """Run `carelane`, and see it end with *code*."""
        ran = self.shell([str(CARELANE), *arguments])
        assert ran.code == code, (
            f"carelane {' '.join(arguments)}: exit {ran.code}\n{ran.out}\n{ran.err}\n{self.log()}"
        )
        return ran

    def shell(self, command: list[str], folder: str = ".") -> Ran:
        """Run any command in the example's folder, `carelane` on its path."""
        done = subprocess.run(
            command,
            cwd=self.folder / folder,
            env=WITH_CARELANE,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def traffic(self, environment: str, rate: float) -> Iterator[list[dict[str, Any]]]:
        """The staff at work; what they saw, second by second, grows while it lasts."""
        seconds: list[dict[str, Any]] = []
        url = self.url(environment)
        command = [str(self.python()), "-m", "traffic", "--url", url, "--rate", str(rate), "--seconds", "900"]
        with subprocess.Popen(
            [*command, "--users", "500", "--connections", "16", "--progress"],
            cwd=self.folder / "src-code",
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            reader = threading.Thread(target=_read, args=(process, seconds))
            reader.start()
            try:
                yield seconds
            finally:
                process.terminate()
                reader.join(30)

    def python(self) -> Path:
        """The interpreter with the example's dependencies, as built for its release."""
        release = self.carelane("release", "show", "v1.0", "--output", "json").json()
        digest = next(iter(release["versions"].values()))["artifact"]["dependencies"]
        return Path(self.folder, ".carelane", "artifacts", "dependencies", digest, "bin", "python")

    def log(self) -> str:
        """What the server said last."""
        file = self.folder / ".carelane" / "server.log"
        return file.read_text()[-3000:] if file.exists() else "(no server log)"

    def down(self) -> None:
        """End everything."""
        self.carelane("down")


def _read(traffic: "subprocess.Popen[str]", seconds: list[dict[str, Any]]) -> None:
    for line in traffic.stdout or ():
        if line.startswith('{"second"'):
            seconds.append(json.loads(line))  # noqa: PERF401 - others look at it while it grows
