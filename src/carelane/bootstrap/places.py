"""Where things are: the system's folder (the one with carelane.yaml) and the state beneath it."""

from dataclasses import dataclass
from pathlib import Path

FILE = "carelane.yaml"


@dataclass(frozen=True)
class Places:
    """A system's folder and what Carelane keeps in it."""

    system: Path

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.system / FILE

    @property
    def state(self) -> Path:
        """Everything Carelane keeps; never committed."""
        return self.system / ".carelane"

    @property
    def socket(self) -> Path:
        """Where the server listens."""
        return self.state / "run" / "api.sock"

    @property
    def database(self) -> Path:
        """What is recorded."""
        return self.state / "carelane.db"

    @property
    def lock(self) -> Path:
        """Held by the one server of this system."""
        return self.state / "server.lock"

    @property
    def artifacts(self) -> Path:
        """What was packed."""
        return self.state / "artifacts"

    @property
    def environments(self) -> Path:
        """What the environments' platforms keep, a folder each."""
        return self.state / "environments"

    def environment(self, name: str) -> Path:
        """What one environment's platform keeps."""
        return self.environments / name

    def prepare(self) -> None:
        """Make the state folder, unreadable to others but for the folders below it that must be."""
        self.state.mkdir(exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket.parent.chmod(0o700)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
