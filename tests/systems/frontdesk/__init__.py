"""The front desk: a small system of its own, as a team would bring it, in files as a user writes them."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.systems.system import ENVIRONMENT, System, free_port

FILES = Path(__file__).parent
SHIPPED = ("portal.py", "migrate.py", "letters.py", "requirements.txt")
PORTS = {"18181": "staging_port", "18182": "port"}
KEYS = {"secrets/session-key": "of production", "secrets/staging-session-key": "of staging"}


@dataclass
class Frontdesk(System):
    """A portal with a worker and a database, in staging and production."""

    staging_port: int = field(default_factory=free_port)
    variables: dict[str, str] = field(default_factory=lambda: {**os.environ, **ENVIRONMENT})
    """The registry, from which its requirements come, may need some."""

    def __post_init__(self) -> None:
        for parent in list(self.folder.parents)[:3]:
            parent.chmod(0o755)  # pytest's own folders; PostgreSQL is another user where we are root
        super().__post_init__()

    def describe(self, fault: str = "", greeting: str = "", **web: Any) -> None:  # noqa: ANN401 - as inherited
        """Write what is committed, with ports that are free here; the *greeting* makes versions differ."""
        del fault, web
        text = (FILES / "carelane.yaml").read_text()
        for written, named in PORTS.items():
            text = text.replace(written, str(getattr(self, named)))
        (self.folder / "carelane.yaml").write_text(text)
        for name in SHIPPED:
            shutil.copy(FILES / name, self.folder / name)
        for name in ("portal.py", "letters.py"):
            with (self.folder / name).open("a") as code:
                code.write(f"# {greeting}\n")
        for path, key in KEYS.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(key)
        (self.folder / ".gitignore").write_text("secrets/\n.carelane/\n")
