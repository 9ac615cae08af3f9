"""The example, in a git repository of its own, up and deployed."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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

    def log(self) -> str:
        """What the server said last."""
        file = self.folder / ".carelane" / "server.log"
        return file.read_text()[-3000:] if file.exists() else "(no server log)"

    def down(self) -> None:
        """End everything."""
        self.carelane("down")
