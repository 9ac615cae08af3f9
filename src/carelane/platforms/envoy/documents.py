"""What every document for Envoy has in common."""

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
IDENTITY_HEADER = "x-carelane-id"
COOKIE = "carelane"


def cluster_name(service: str, label: str) -> str:
    """The cluster of one label of a service."""
    return f"{service}~{label}"


def answer(kind: str, resources: list[Document]) -> Document:
    """A file's content: *resources*, all of one *kind*."""
    return {"resources": [{"@type": f"{TYPE}{kind}", **resource} for resource in resources]}


def from_file(path: Path) -> Document:
    """Where a document comes from that may change: the file at *path*, replaced by rename."""
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def seconds(value: float) -> str:
    """A duration as Envoy writes it."""
    return f"{value:.3f}s"
