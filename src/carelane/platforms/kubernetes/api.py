"""A cluster's API over HTTP: raw JSON by lightkube's client, which knows kubeconfigs and credentials.

Its typed models are not used: they drop the fields that they do not know
(docs/decisions/0007-three-slots-a-service.md).
"""

import contextlib
import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from carelane.base.errors import (
    CarelaneError,
    ConflictError,
    InputError,
    NotFoundError,
    PlatformError,
    RefusedError,
    Unavailable,
)
from carelane.platforms.kubernetes.ports import Kind, Object

MANAGER = "carelane"
"""The field manager by which what we set is known as ours."""
TIMEOUT_SECONDS = 5.0
WATCH_SECONDS = 290
"""How long the server keeps a watch open; within `SILENT_SECONDS` it says something, or is lost."""
SILENT_SECONDS = 70.0
APPLY, JSON_PATCH, MERGE_PATCH = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
)
CONFLICT, UNPROCESSABLE, GONE, NOT_FOUND = 409, 422, 410, 404
_UNITS = {"": 1.0, "m": 1e-3} | {
    unit: base ** (at + 1)
    for base, units in (
        (1000.0, ("k", "M", "G", "T", "P", "E")),
        (1024.0, ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")),
    )
    for at, unit in enumerate(units)
}
_QUANTITY = re.compile(rf"(?P<number>\d+(\.\d*)?(e\d+)?)(?P<unit>{'|'.join(_UNITS)})")


class Gone(Exception):  # noqa: N818 - the API's own word
    """What was watched from is too old: it is to be listed again."""


def config(kubeconfig: Path | None, context: str | None = None) -> SingleConfig:
    """Which cluster, and as whom, *kubeconfig* says; without one, that of the Pod we run in.

    Raises:
        InputError: If the kubeconfig is missing, or does not say what is needed.
    """
    where = "the Pod's service account" if kubeconfig is None else str(kubeconfig)
    try:
        found = KubeConfig.from_service_account() if kubeconfig is None else KubeConfig.from_file(kubeconfig)
        single = found.get(context)
        if single is None:
            raise InputError(f"{where} has no current context", hint="`kubectl config use-context NAME`")
        client(single).close()  # what it names, certificates too, must be there to read
    except (ConfigError, AttributeError, KeyError, TypeError, ValueError, OSError, yaml.YAMLError) as error:
        raise InputError(
            f"{where} does not lead to a cluster: {error}",
            hint="`kubectl --kubeconfig FILE get namespaces` shows whether it works",
        ) from error
    return single


def client(single: SingleConfig) -> httpx2.Client:
    """A client for that cluster."""
    limits = httpx2.Timeout(TIMEOUT_SECONDS, read=TIMEOUT_SECONDS)
    return Client(single, ConnectionParams(timeout=limits, trust_env=False))


class _IsThere(ConflictError):  # noqa: N818 - reads as what it says
    """One of that name is there already."""


class Api:
    """The Changes port for one namespace, and what a View reads."""

    def __init__(self, client: httpx2.Client, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._listening: set[httpx2.Response] = set()
        self._hung_up = False

    # -- reading

    def list(self, kind: Kind) -> tuple[dict[str, Object], str]:
        """All objects of a kind by name, and the version of the list."""
        answer = self._call("GET", self._path(kind))
        items = {item["metadata"]["name"]: item for item in answer.get("items", ())}
        return items, answer["metadata"]["resourceVersion"]

    def watch(self, kind: Kind, version: str) -> Iterator[tuple[str, Object]]:
        """What happens after *version*, until the server ends it: type and object of each event.

        The first is our own: OPENED says that the server listens.

        Raises:
            Gone: If *version* is too old.
            Unavailable: If the connection is lost, or silent for too long.
        """
        asked = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        timeout = httpx2.Timeout(TIMEOUT_SECONDS, read=SILENT_SECONDS)
        try:
            with self._client.stream("GET", self._path(kind), params=asked, timeout=timeout) as answer:
                if answer.status_code == GONE:
                    raise Gone(kind.value[1])
                if answer.is_error:
                    answer.read()
                    raise _refused(answer)
                yield "OPENED", {}
                yield from self._heard(answer, kind)
        except (httpx2.HTTPError, OSError, ValueError) as error:
            # ValueError: what breaks off in the middle of a line is no JSON.
            raise Unavailable(f"the watch of {kind.value[1]} was lost: {_words(error)}") from error

    def _heard(self, answer: httpx2.Response, kind: Kind) -> Iterator[tuple[str, Object]]:
        self._listening.add(answer)
        try:
            if self._hung_up:
                return
            for line in answer.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise _ended(event["object"], kind)
                yield event["type"], event["object"]
        finally:
            self._listening.discard(answer)

    def hang_up(self) -> None:
        """End the watches that are open, from another thread: they wait for what comes next otherwise."""
        self._hung_up = True
        for answer in list(self._listening):
            stream = answer.extensions.get("network_stream")
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def log(self, pod: str, container: str, asked: Mapping[str, str]) -> str:
        """What *container* of *pod* has printed, as far as *asked* (the parameters of the API).

        Raises:
            NotFoundError: If there is no such Pod.
            PlatformError: If there is nothing to read: it has not begun, or has no run before.
        """
        path = f"{self._path(Kind.POD, pod)}/log"
        return self._send("GET", path, params={"container": container, **asked}).text

    def last_event(self, uid: str, reason: str) -> str:
        """The words of the last event of *reason* about the object *uid*; "" where there is none."""
        about = f"involvedObject.uid={uid},reason={reason}"
        path = f"/api/v1/namespaces/{self._namespace}/events"
        found = self._call("GET", path, params={"fieldSelector": about}).get("items") or []
        said = [(event.get("lastTimestamp") or "", event.get("message") or "") for event in found]
        return str(max(said)[1]) if said else ""

    def memory_bytes(self, pod: str) -> int:
        """What the containers of *pod* use, as the metrics API has it."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{self._namespace}/pods/{pod}"
        found = self._call("GET", path).get("containers") or []
        return sum(_bytes(each["usage"]["memory"]) for each in found)

    def answers(self) -> None:
        """Ask a small question; raises Unavailable where there is no answer."""
        self._call("GET", "/version")

    # -- changing

    def apply(self, kind: Kind, name: str, fields: Object, *, only_check: bool = False) -> Object:
        """Server-side apply: these fields are ours from now on; or a dry run of it."""
        asked = {"fieldManager": MANAGER, "force": "true", **({"dryRun": "All"} if only_check else {})}
        return self._call("PATCH", self._path(kind, name), fields, APPLY, asked)

    def find(self, kind: Kind, name: str) -> Object | None:
        """GET it."""
        try:
            return self._call("GET", self._path(kind, name))
        except NotFoundError:
            return None

    def create(self, kind: Kind, whole: Object) -> Object | None:
        """POST it; None where one of its name is there."""
        try:
            return self._call("POST", self._path(kind), whole, params={"fieldManager": MANAGER})
        except _IsThere:
            return None

    def patch(self, kind: Kind, name: str, operations: Sequence[Mapping[str, Any]]) -> Object:
        """JSON Patch, as our field manager."""
        asked = {"fieldManager": MANAGER}
        return self._call("PATCH", self._path(kind, name), list(operations), JSON_PATCH, asked)

    def scale(self, deployment: str, size: int) -> None:
        """Its size alone, by its subresource: who applies the Deployment does not own it."""
        path = f"{self._path(Kind.DEPLOYMENT, deployment)}/scale"
        self._call("PATCH", path, {"spec": {"replicas": size}}, MERGE_PATCH, {"fieldManager": MANAGER})

    def delete(self, kind: Kind, name: str) -> None:
        """Delete it, and what it owns after it."""
        try:
            self._call("DELETE", self._path(kind, name), params={"propagationPolicy": "Background"})
        except NotFoundError:
            return

    def _path(self, kind: Kind, name: str | None = None) -> str:
        prefix, plural, _ = kind.value
        path = f"/{prefix}/namespaces/{self._namespace}/{plural}"
        return path if name is None else f"{path}/{name}"

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        headers = {} if content is None else {"content-type": content_type}
        answer = self._send(method, path, content, headers, params)
        try:
            found: dict[str, Any] = answer.json()
        except ValueError as error:
            raise Unavailable(f"what answers {method} {path} is no cluster's API: {error}") from error
        return found

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        try:
            answer = self._client.request(method, path, content=content, headers=headers, params=params)
        except (httpx2.HTTPError, ConfigError, OSError) as error:
            raise Unavailable(
                f"the cluster does not answer {method} {path}: {_words(error)}",
                hint="`kubectl get --raw /readyz` asks it whether it is ready",
            ) from error
        if answer.is_error:
            raise _refused(answer)
        return answer


def _bytes(said: str) -> int:
    """A quantity of memory as Kubernetes writes it; raises PlatformError where it is none."""
    found = _QUANTITY.fullmatch(said)
    if found is None:
        raise PlatformError(f"the cluster says {said!r} for a quantity of memory")
    return round(float(found["number"]) * _UNITS[found["unit"]])


def _refused(answer: httpx2.Response) -> CarelaneError:
    """What the cluster says no with, in our words' kinds."""
    try:
        status = answer.json()
        words, causes = str(status["message"]), (status.get("details") or {}).get("causes")
        reason = status.get("reason")
    except (ValueError, KeyError, TypeError, AttributeError):
        words, causes, reason = f"HTTP {answer.status_code}", None, None
    said = f"the cluster says: {words}"
    if answer.status_code in {401, 403}:
        return RefusedError(said, hint="`kubectl auth can-i --list` shows what this user may do")
    if answer.status_code == NOT_FOUND:
        return NotFoundError(said)
    if answer.status_code == CONFLICT:
        return _IsThere(said) if reason == "AlreadyExists" else ConflictError(said)
    if answer.status_code == UNPROCESSABLE and not causes:
        # No field is wrong: the patch itself could not be applied, for it is not as its `test` has it.
        return ConflictError(f"{said}: somebody changed it meanwhile")
    if answer.status_code in {429, 500, 502, 503, 504}:
        return Unavailable(said)
    return PlatformError(said)


def _ended(status: Object, kind: Kind) -> Exception:
    if status.get("code") == GONE:
        return Gone(kind.value[1])
    return Unavailable(f"the watch of {kind.value[1]} ended: {status.get('message', 'no reason given')}")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
