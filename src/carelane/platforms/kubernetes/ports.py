"""What this platform needs of a cluster: objects as they are, and changes to them.

Objects are raw JSON: typed models drop fields that they do not know, and would take them from who set them.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

Object = Mapping[str, Any]
"""A Kubernetes object, as its API has it."""


class Kind(Enum):
    """Kinds of objects in a namespace: API, version, plural name, and its own name."""

    DEPLOYMENT = ("apis/apps/v1", "deployments", "Deployment")
    POD = ("api/v1", "pods", "Pod")
    SERVICE = ("api/v1", "services", "Service")
    ENDPOINTS = ("apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice")
    JOB = ("apis/batch/v1", "jobs", "Job")
    ROUTE = ("apis/gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute")
    AUTOSCALER = ("apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")

    @property
    def api_version(self) -> str:
        """As an object of this kind says it."""
        return self.value[0].partition("/")[2]


WATCHED = (Kind.DEPLOYMENT, Kind.POD, Kind.ENDPOINTS, Kind.JOB, Kind.ROUTE, Kind.AUTOSCALER)
"""What decisions are made on."""


class View(Protocol):
    """The objects of one namespace, as they were seen last."""

    def look(self, *, moving: bool) -> bool:
        """Whether what is seen is what is: false while the cluster does not say so.

        While something is *moving* it is asked, where it has been silent.
        """
        ...

    def all(self, kind: Kind) -> Mapping[str, Object]:
        """The objects of a kind by name."""
        ...

    def note(self, kind: Kind, found: Object) -> None:
        """What a change came to: no older state of it is seen any more."""
        ...


class Changes(Protocol):
    """Changes to the objects of one namespace. Each returns the object as it is then.

    Raises, all of them:
        PlatformError: If the cluster says no: with its words.
        Unavailable: If it does not answer.
    """

    def apply(self, kind: Kind, name: str, fields: Object, *, only_check: bool = False) -> Object:
        """Set these fields, as our own, of an object that is there or not (server-side apply).

        With *only_check* the cluster says whether it would let that be, and changes nothing.
        """
        ...

    def find(self, kind: Kind, name: str) -> Object | None:
        """It as it is now; None where there is none."""
        ...

    def create(self, kind: Kind, whole: Object) -> Object | None:
        """Make it; None where one of its name is there already."""
        ...

    def patch(self, kind: Kind, name: str, operations: Sequence[Mapping[str, Any]]) -> Object:
        """Change it by JSON Patch.

        Raises:
            ConflictError: If a `test` among the *operations* fails.
        """
        ...

    def scale(self, deployment: str, size: int) -> None:
        """Set its size alone."""
        ...

    def delete(self, kind: Kind, name: str) -> None:
        """Delete it and what it owns; what is not there is fine."""
        ...
