"""Proxies as versions before 0.3 started them: they follow files, with nobody beside them."""

import json
import os
from collections.abc import Mapping
from importlib import resources as packages
from pathlib import Path

from carelane.platforms.envoy.documents import from_files
from carelane.platforms.envoy.proxies import PROXIES
from carelane.platforms.envoy.published import Published
from carelane.platforms.processes.shims import Shims


def begin(
    keeper: Shims, folder: Path, ports: Mapping[str, int], names: tuple[str, ...] = PROXIES
) -> Published:
    """Start them with *ports*, as an empty environment; what is published in the answer reaches them."""
    published = Published(folder, from_files(folder), fixed=True)
    published.begin(ports, "secret", ())
    for name in names:
        command = [str(packages.files("envoy") / "_bin" / "envoy"), "-c", "bootstrap.json"]
        command += ["--concurrency", "1", "--disable-hot-restart", "-l", "warn"]
        spec = {"command": command, "folder": str(keeper.folder(name)), "environment": {"PATH": os.defpath}}
        keeper.write(name, spec)
        (keeper.folder(name) / "bootstrap.json").write_text(json.dumps(bootstrap(folder, name)))
        keeper.ensure(name)
    return published


def bootstrap(folder: Path, proxy: str) -> dict[str, object]:
    """What such a proxy was started with."""
    source = from_files(folder)
    return {
        "node": {"id": proxy, "cluster": "carelane"},
        "stats_flush_on_admin": True,
        "admin": {"address": {"pipe": {"path": "admin.sock", "mode": 0o600}}},
        "dynamic_resources": {"lds_config": source("listeners"), "cds_config": source("clusters")},
        "layered_runtime": {
            "layers": [
                {"name": "static", "static_layer": {"overload.global_downstream_max_connections": 50_000}}
            ]
        },
    }
