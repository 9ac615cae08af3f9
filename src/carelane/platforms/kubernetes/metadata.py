"""What any object of a cluster says of itself: labels and marks, whose it is, whether it ends, times."""

from collections.abc import Mapping
from datetime import UTC, datetime

from carelane.platforms.kubernetes.ports import Object

OVER = frozenset({"Failed", "Succeeded"})
"""The phases of a Pod of which nothing runs any more."""


def labels_of(found: Object) -> Mapping[str, str]:
    """The labels of an object, or of a template."""
    return found["metadata"].get("labels") or {}


def managers(found: Object) -> list[str]:
    """Who has set fields of an object, and Helm or Argo CD where they say that it is theirs."""
    labels, said = labels_of(found), marks(found)
    named = [labels.get("app.kubernetes.io/managed-by"), said.get("meta.helm.sh/release-name")]
    argo = (
        "Argo CD" if "argocd.argoproj.io/tracking-id" in said else labels.get("argocd.argoproj.io/instance")
    )
    said_of = found["metadata"].get("managedFields") or ()
    fields = [each.get("manager") for each in said_of if each.get("subresource") != "status"]
    return list(dict.fromkeys(name for name in (*named, argo, *fields) if name))


def is_ending(found: Object) -> bool:
    """Whether it was told to end."""
    return "deletionTimestamp" in found["metadata"]


def is_over(pod: Object) -> bool:
    """Whether nothing of a Pod runs any more."""
    return pod.get("status", {}).get("phase") in OVER


def marks(found: Object) -> Mapping[str, str]:
    """The annotations of an object, or of a template."""
    return found["metadata"].get("annotations") or {}


def when_said(text: str | None) -> datetime | None:
    """A time that anybody may have written; None where it is none."""
    try:
        return when(text) if text else None
    except ValueError:
        return None


def when(text: str) -> datetime:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
