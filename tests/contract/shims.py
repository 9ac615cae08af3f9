"""One process under a shim, as the tests of shims begin it and look at it."""

from pathlib import Path
from typing import Any

from carelane.platforms.processes.shim import start_time
from carelane.platforms.processes.shims import Shims
from tests.contract.processes import spec
from tests.waiting import until


def status(keeper: Shims, name: str = "one") -> dict[str, Any]:
    """What is known of a process; nothing where there is none."""
    return keeper.status(name) or {}


def phase(keeper: Shims, wanted: str, name: str = "one") -> dict[str, Any]:
    """The status once it says *wanted*."""
    until(lambda: status(keeper, name).get("phase") == wanted, 10.0, f"{name} is {wanted}")
    return status(keeper, name)


def begin(keeper: Shims, tmp_path: Path, program: str, *arguments: str, **more: Any) -> None:  # noqa: ANN401
    """Runs *program* as ``one``, under a shim."""
    keeper.write("one", spec(tmp_path, program, *arguments, **more))
    keeper.ensure("one")


def log(keeper: Shims, run: int = 1, suffix: str = "") -> str:
    """What a run of ``one`` has printed."""
    path = keeper.folder("one") / f"run-{run}.log{suffix}"
    return path.read_text() if path.exists() else ""


def alive(pid: int) -> bool:
    """Whether there is a process of that number."""
    return start_time(pid) is not None
