"""The wheel: built from the tree, installed elsewhere, it works without the checkout."""

import subprocess
import sys
from pathlib import Path

from tests.systems.system import ENVIRONMENT, System

ROOT = Path(__file__).parents[2]
UV = [sys.executable, "-m", "uv", "--quiet"]


def test_a_wheel_installs_and_runs_outside_the_checkout(tmp_path: Path) -> None:
    _run([*UV, "build", "--wheel", "--no-build-isolation", "--out-dir", str(tmp_path / "dist"), str(ROOT)])
    wheel = next((tmp_path / "dist").glob("carelane-*.whl"))
    _run([*UV, "venv", "--python", sys.executable, str(tmp_path / "venv")])
    python = tmp_path / "venv" / "bin" / "python"
    _run([*UV, "pip", "install", "--python", str(python), "--no-deps", str(wheel)])
    # What it depends on is what this tree was tested with: the same files, by path.
    packages = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    ours = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    (packages / "dependencies.pth").write_text(f"{ours}\n")
    carelane = tmp_path / "venv" / "bin" / "carelane"
    system = System(tmp_path / "system")
    system.commit("v1")
    _run([str(carelane), "config", "check"], system.folder)
    _run([str(carelane), "up", "--detach"], system.folder)
    try:
        _run([str(carelane), "release", "create"], system.folder)
        _run([str(carelane), "deploy", "production", "--release", "v1", "--wait"], system.folder)
        loaded = _run([str(python), "-c", "import carelane; print(carelane.__file__)"], system.folder)
        assert str(tmp_path) in loaded
    finally:
        _run([str(carelane), "down"], system.folder)


def _run(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**ENVIRONMENT}, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
