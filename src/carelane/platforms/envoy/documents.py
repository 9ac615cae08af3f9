"""What every document for Envoy has in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]
TYPE = "type.googleapis.com/envoy."
FRONT = "@front"
"""The front door's listener: a name that no service can have."""
PREVIEW = "@preview"
"""The preview's listener: the version on trial wherever there is one."""
HAND_HEADER = "x-carelane-version"
OWN_HEADER = "x-carelane-own"
"""On what Carelane itself asks, with a value that only it knows: then it is not counted."""
WANTED, SOCKET, TAKEN, GOOD = "wanted", "ads.sock", "taken.json", "good"
"""Beside the proxies: the documents they should have, where they ask for them, what each of them took, and
the documents as they could be read last."""
DISCOVERY = "@discovery"
"""The cluster of the process beside the proxies: a name that no service can have."""
IDENTITY_HEADER = "x-carelane-id"
COOKIE = "carelane"


def cluster_name(service: str, label: str) -> str:
    """The cluster of one label of a service."""
    return f"{service}~{label}"


def answer(kind: str, resources: list[Document]) -> Document:
    """A file's content: *resources*, all of one *kind*."""
    return {"resources": [{"@type": f"{TYPE}{kind}", **resource} for resource in resources]}


Source = Callable[[str], Document]
"""Where a proxy finds what may change, by the name of its file."""


def from_files(folder: Path) -> Source:
    """From files in *folder*, each followed by a watch: how proxies of an earlier version were started."""
    return lambda name: {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(folder / f"{name}.json")},
    }


def from_discovery(_: str) -> Document:
    """From the one stream to the process beside the proxies (`xds`): nothing to watch."""
    return {"resource_api_version": "V3", "ads": {}, "initial_fetch_timeout": "0s"}


def seconds(value: float) -> str:
    """A duration as Envoy writes it."""
    return f"{value:.3f}s"
