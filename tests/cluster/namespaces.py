"""A namespace of one's own on the cluster, and the platform in it; inside the cluster's network."""

import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from carelane.base.clock import RealClock
from carelane.base.errors import PlatformError
from carelane.platforms.kubernetes import api
from carelane.platforms.kubernetes.api import Api
from carelane.platforms.kubernetes.objects import Place
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from carelane.platforms.kubernetes.watching import Watching
from tests.cluster.building import cache
from tests.cluster.commands import wait
from tests.cluster.stack import FRONT, GATEWAY

KUBECTL = cache() / "built" / "bin" / "kubectl"


def kubeconfig() -> Path:
    """Of the cluster's administrator."""
    named = os.environ.get("KUBECONFIG")
    assert named, "run by `make test-cluster`, or `python -m tests.cluster exec`: in the cluster's network"
    return Path(named)


def kubectl(*words: str, stdin: str | None = None) -> str:
    """What it prints; it must end well."""
    done = subprocess.run(
        [KUBECTL, *words], input=stdin, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout


@contextmanager
def namespaced() -> Iterator[str]:
    """A new namespace; it goes afterwards, which is not waited for."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def platform(namespace: str) -> Iterator[KubernetesPlatform]:
    """One environment in *namespace*, behind the gateway: watched on one client, changed on another."""
    with (
        api.client(api.config(kubeconfig())) as reading,
        api.client(api.config(kubeconfig())) as writing,
        httpx2.Client(base_url=FRONT, trust_env=False) as users,
    ):
        watching = Watching(Api(reading, namespace), namespace, _said)
        for loop in watching.loops:
            loop.begin()

        def ask(path: str, headers: Mapping[str, str], timeout_seconds: float) -> tuple[int, bytes]:
            said = {"host": f"{namespace}.test", **headers}
            try:
                answer = users.get(path, headers=said, timeout=timeout_seconds)
            except httpx2.HTTPError as error:
                raise PlatformError(f"nobody answers {path}: {error}") from error
            return answer.status_code, answer.content

        wait("all is listed", lambda: watching.look(moving=False), 20)
        place = Place(namespace, GATEWAY, FRONT, f"{namespace}.test", prefix="healthcare-")
        try:
            yield KubernetesPlatform(place, watching, Api(writing, namespace), RealClock(), ask)
        finally:
            watching.stop(5.0)


def _said(name: str, error: BaseException) -> None:
    print(f"{name}: {error}")  # noqa: T201 - beside a test that fails
