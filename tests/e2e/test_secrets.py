"""What is secret is kept nowhere that it need not be, and told nobody whom it does not concern."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.systems import system as systems
from tests.systems.system import System

Make = Callable[..., System]
PLANTED = {
    "of up": "planted-environment-5d1f",
    "by variable": "planted-session-key-77ab",
    "by file": "planted-file-e09c",
    "registry": "planted-registry-31be",
    "notification": "planted-notification-8a42",
    "localhub": "planted-localhub-6c0d",
}
KEPT_BY_LOCALHUB = "localhub/secrets/"
"""Jobs are given them: localhub has to keep them (docs/localhub.md), for its user alone."""


def holding(folder: Path, value: str) -> list[str]:
    """The files below *folder* that hold *value*, by their paths there."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(folder)) for path in files if value.encode() in path.read_bytes()]


def told(value: str, place: str) -> set[str]:
    """The commands of the processes whose *place* (``cmdline``, ``environ``) has *value*."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if value.encode() in (process / place).read_bytes():
                found.add((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_no_secret_leaks(make_system: Make, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(PLANTED["by file"])
    secrets = {
        "SESSION_KEY": {"variable": "PLANTED_KEY", "version": 1},
        "FILE_KEY": {"file": str(tmp_path / "key"), "version": 1},
    }
    small = make_system(
        up=False,
        replicas=1,
        extra_settings={
            "pipeline": {"repository": "acme/app"},
            "notifications": {
                "pager": {"url": {"variable": "PLANTED_URL", "version": 1}, "acts": ["token.created"]}
            },
        },
    )
    small.describe(secrets=secrets)
    planted = {
        "PLANTED_OTHER": PLANTED["of up"],
        "PLANTED_KEY": PLANTED["by variable"],
        "UV_INDEX_URL": f"https://user:{PLANTED['registry']}@registry.invalid/simple",
        "PLANTED_URL": f"json://{PLANTED['notification']}.invalid",
    }
    up = [str(systems.CARELANE), "up", "--detach"]
    subprocess.run(up, cwd=small.folder, env={**systems.ENVIRONMENT, **planted}, check=True, timeout=60)
    state = small.folder / ".carelane"
    keep = ["secret", "set", "--repo", "acme/app", "DEPLOY_KEY", "--state", str(state / "localhub")]
    subprocess.run(
        [sys.executable, "-m", "localhub", *keep], input=PLANTED["localhub"], text=True, check=True
    )
    token = small.must("token", "create", "ci", "--release").strip()
    small.release("v1", secrets=secrets)
    small.deploy("v1")

    for value in (*PLANTED.values(), token):
        assert [path for path in holding(state, value) if not path.startswith(KEPT_BY_LOCALHUB)] == []
        assert told(value, "cmdline") == set()
    for name in holding(state, PLANTED["localhub"]):
        assert (state / name).stat().st_mode & 0o077 == 0
    server = {f"{sys.executable} -P -m carelane.api {small.folder} "}
    assert told(PLANTED["of up"], "environ") == server
    assert told(PLANTED["notification"], "environ") == server
    of_instances = {command for command in told(PLANTED["by variable"], "environ") if command not in server}
    assert of_instances
    assert all("service.py" in command or "/instances/web-" in command for command in of_instances)
    assert all("localhub" in command for command in told(PLANTED["registry"], "environ") - server)
    assert told(PLANTED["localhub"], "environ") == told(token, "environ") == set()
    assert os.environ.get("PLANTED_OTHER") is None
