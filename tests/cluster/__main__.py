"""`python -m tests.cluster VERB`: build, up, down, status, exec COMMAND ..., kubeconfig."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster import building, stack
from tests.cluster.cluster import Cluster
from tests.cluster.commands import Missing


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - what is printed is the point


def _built() -> Path:
    return building.cache() / "built"


def _cluster() -> Cluster:
    return Cluster(building.cache() / "cluster", _built())


def main(verb: str, *rest: str) -> int:
    """Do it; the exit code."""
    began = time.monotonic()
    if verb == "first":  # its first process, started by `up`
        Cluster(Path(rest[0]), Path(rest[1])).first()
    cluster = _cluster()
    if verb == "build":
        building.build(_built(), _say)
    elif verb == "up":
        cluster.up()
        stack.stand(cluster)
        _say(f"{cluster.name} is up after {time.monotonic() - began:.1f} s: KUBECONFIG={cluster.admin}")
    elif verb == "down":
        cluster.down()
        _say(f"{cluster.name} is down after {time.monotonic() - began:.1f} s")
    elif verb == "status":
        pid = cluster.running()
        _say(f"{cluster.name} " + (f"runs as {pid}" if pid else "does not run"))
        return 0 if pid else 1
    elif verb == "exec":
        known = {"KUBECONFIG": str(cluster.admin), "PATH": f"{os.environ['PATH']}:{cluster.binaries}"}
        command = cluster.inside(*rest)
        os.execvpe(command[0], command, {**os.environ, **known})  # noqa: S606 - that is what was asked for
    else:
        _say(__doc__ or "")
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*(sys.argv[1:] or ["help"])))
    except (Missing, RuntimeError, TimeoutError, OSError, subprocess.TimeoutExpired) as problem:
        print(f"cluster: {problem}", file=sys.stderr)  # noqa: T201 - as above
        sys.exit(1)
