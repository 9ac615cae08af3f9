"""Where things are: the system's folder (the one with carelane.yaml) and the state beneath it."""

import os
from dataclasses import dataclass
from pathlib import Path

from carelane.base.errors import InputError

FILE = "carelane.yaml"
LONGEST_PATH = 500
"""Of the database, in bytes: SQLite takes 512, with what it puts behind for its own files."""
USERS_SOCKET = "api.sock"
"""The name of the socket through which users come, as whom the kernel says they are."""
PIPELINE_SOCKET = "/pipeline/carelane.sock"
"""How the path of the pipeline's socket ends: what comes through it is known by its token alone."""


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
        return self.state / "run" / USERS_SOCKET

    @property
    def pipeline_socket(self) -> Path:
        """Where the server listens for pipelines, in a folder that holds nothing else."""
        return Path(f"{self.state}{PIPELINE_SOCKET}")

    @property
    def localhub(self) -> Path:
        """What localhub keeps, where this system has one."""
        return self.state / "localhub"

    @property
    def pipeline_token(self) -> Path:
        """The digest of the token that localhub's jobs have."""
        return self.state / "pipeline-token.json"

    @property
    def database(self) -> Path:
        """What is recorded."""
        return self.state / "carelane.db"

    @property
    def log(self) -> Path:
        """What a server that was started with `--detach` has to say."""
        return self.state / "server.log"

    @property
    def lock(self) -> Path:
        """Held by the one server of this system."""
        return self.state / "server.lock"

    @property
    def clock(self) -> Path:
        """The time that deadlines are reckoned by."""
        return self.state / "clock.json"

    @property
    def ended(self) -> Path:
        """What the last server that ended left running, and its pid."""
        return self.state / "run" / "ended.json"

    @property
    def ballast(self) -> Path:
        """Space that is kept back for an emergency on a full disk."""
        return self.state / "ballast"

    @property
    def artifacts(self) -> Path:
        """What was packed."""
        return self.state / "artifacts"

    @property
    def environments(self) -> Path:
        """What the environments' platforms keep, a folder each."""
        return self.state / "environments"

    def known_environments(self) -> list[Path]:
        """The folder of each environment that ever was here, described still or not."""
        return sorted(path for path in self.environments.glob("*") if path.is_dir())

    def environment(self, name: str) -> Path:
        """What one environment's platform keeps."""
        return self.environments / name

    def prepare(self) -> None:
        """Make the state folder, or take back what others may do in it.

        Root's own database runs as another user, who has been allowed to pass through: that much stays.

        Raises:
            InputError: If something else is where a folder or a file should be, or the path is too long.
        """
        for folder in (self.state, self.socket.parent, self.environments, self.artifacts):
            if folder.exists() and not folder.is_dir():
                raise InputError(f"{folder} is no folder", hint="move it away; `carelane up` makes its own")
        for file in (self.lock, self.log):
            if file.is_dir():
                raise InputError(f"{file} is a folder", hint="move it away; `carelane up` makes its own")
        if self.database.is_dir():
            raise InputError(
                f"{self.database} is a folder",
                hint="move it away; `carelane state restore FILE` puts one back",
            )
        if len(os.fsencode(self.database)) > LONGEST_PATH:
            raise InputError(
                f"{self.database} is a path of more than {LONGEST_PATH} bytes, which SQLite does not open",
                hint="move the system into a folder with a shorter path",
            )
        self.state.mkdir(mode=0o700, exist_ok=True)
        passing = self.state.stat().st_mode & 0o011 if os.geteuid() == 0 else 0
        self.state.chmod(0o700 | passing)
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket.parent.chmod(0o700)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
