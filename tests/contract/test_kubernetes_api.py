"""What a cluster's API may answer, and what becomes of it: by HTTP, from a server that says what it likes."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import pytest

from carelane.base.errors import (
    CarelaneError,
    ConflictError,
    InputError,
    NotFoundError,
    PlatformError,
    RefusedError,
    Unavailable,
)
from carelane.platforms.kubernetes import api
from carelane.platforms.kubernetes.api import Api
from carelane.platforms.kubernetes.executing import PodCommands
from carelane.platforms.kubernetes.hosting import ClusterHost
from carelane.platforms.kubernetes.objects import OWNER, SERVICE
from carelane.platforms.kubernetes.ports import WATCHED, Kind
from carelane.platforms.kubernetes.watching import Watch, Watching

NAMESPACE = "healthcare-prod"


def deployment(name: str, *, uid: str = "u1", version: int = 1, generation: int = 1) -> dict[str, Any]:
    meta = {"name": name, "uid": uid, "resourceVersion": str(version), "generation": generation}
    return {"kind": "Deployment", "metadata": meta}


def event(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": found}


def _fails(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


def _nobody(path: str, asked: list[tuple[str, str]]) -> NoReturn:
    raise AssertionError(path, asked)


NONE = PodCommands(_nobody, NAMESPACE)
GONE = event("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})


class Lost(httpx2.SyncByteStream):
    """Events, and then a connection that breaks off."""

    def __init__(self, events: Sequence[dict[str, Any]]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        for each in self._events:
            yield json.dumps(each).encode() + b"\n"
        raise httpx2.ReadError("reset by peer")


@dataclass
class Server:
    """Answers lists with *objects*, each watch with the next of *watches*, and changes with *answer*."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    version: str = "100"
    watches: list[Sequence[dict[str, Any]] | int | Lost] = field(default_factory=list)
    answer: httpx2.Response | Exception = field(default_factory=lambda: httpx2.Response(200, json={}))
    asked: list[httpx2.Request] = field(default_factory=list)
    says: dict[str, Any] | None = None
    """The answer to every GET, where it is none of those."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to *request*."""
        self.asked.append(request)
        if request.url.params.get("watch"):
            return self._watch()
        if self.says is not None:
            return httpx2.Response(200, json=self.says)
        if request.method == "GET" and NAMESPACE in request.url.path:
            said = {"metadata": {"resourceVersion": self.version}, "items": self.objects}
            return httpx2.Response(200, json=said)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def _watch(self) -> httpx2.Response:
        if not self.watches:
            raise httpx2.ConnectError("refused")
        found = self.watches.pop(0)
        if isinstance(found, int):
            return httpx2.Response(found, json={"message": "no"})
        if isinstance(found, Lost):
            return httpx2.Response(200, stream=found)
        return httpx2.Response(200, content="".join(json.dumps(each) + "\n" for each in found))

    def versions(self) -> list[str]:
        """From which version each watch was asked for."""
        return [r.url.params["resourceVersion"] for r in self.asked if r.url.params.get("watch")]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def asking(server: Server) -> Iterator[Api]:
    with httpx2.Client(transport=httpx2.MockTransport(server), base_url="https://cluster") as client:
        yield Api(client, NAMESPACE)


@pytest.fixture
def watch(asking: Api) -> Watch:
    return Watch(asking, Kind.DEPLOYMENT, lambda: None)


def names(watch: Watch) -> set[str]:
    return set(watch.kept.all())


def test_what_is_listed_is_kept_up_to_date_and_the_next_watch_goes_on_where_one_ended(
    server: Server, watch: Watch
) -> None:
    server.objects = [deployment("a"), deployment("b", uid="u2")]
    server.watches = [
        [
            event("ADDED", deployment("c", uid="u3", version=101)),
            event("DELETED", deployment("a", version=102)),
        ],
        [event("BOOKMARK", deployment("", uid="", version=150))],
        [],
    ]
    assert not watch.kept.synced
    watch.step()
    assert (watch.kept.synced, names(watch)) == (True, {"b", "c"})
    watch.step()
    watch.step()
    assert server.versions() == ["100", "102", "150"]
    assert names(watch) == {"b", "c"}


@pytest.mark.parametrize("too_old", [410, [GONE]], ids=["as an answer", "in the middle"])
def test_what_is_too_old_is_listed_again_and_what_is_gone_meanwhile_goes(
    server: Server, watch: Watch, too_old: int | list[dict[str, Any]]
) -> None:
    server.objects = [deployment("a"), deployment("b", uid="u2")]
    server.watches = [too_old, []]
    watch.step()
    server.objects, server.version = [deployment("b", uid="u2")], "200"
    watch.step()
    assert (names(watch), server.versions()) == ({"b"}, ["100", "200"])


def test_a_watch_that_was_open_and_is_lost_is_no_failure_and_loses_nothing(
    server: Server, watch: Watch
) -> None:
    for _ in range(3):
        server.watches.append(Lost([event("ADDED", deployment("a", version=101))]))
    server.watches.append([])
    for _ in range(4):
        watch.step()
    assert (names(watch), server.versions()) == ({"a"}, ["100", "101", "101", "101"])


def test_a_watch_that_is_not_to_be_had_is_a_failure(watch: Watch) -> None:
    with pytest.raises(Unavailable, match="the watch of deployments was lost: refused"):
        watch.step()
    assert watch.closed_at is not None


def test_a_version_that_no_watch_is_to_be_had_of_is_listed_again(server: Server, watch: Watch) -> None:
    server.watches = [504, []]
    with pytest.raises(Unavailable):
        watch.step()
    server.version = "7"
    watch.step()
    assert server.versions() == ["100", "7"]


def test_what_was_told_of_our_change_is_not_taken_back_by_its_answer(server: Server, watch: Watch) -> None:
    server.objects = [deployment("a")]
    server.watches = [[event("MODIFIED", {**deployment("a", version=102, generation=2), "status": "done"})]]
    watch.step()
    watch.kept.note(deployment("a", version=101, generation=2))
    assert watch.kept.all()["a"]["status"] == "done"
    watch.kept.note(deployment("a", version=103, generation=3))
    assert "status" not in watch.kept.all()["a"]


def test_what_we_changed_ourselves_is_not_taken_back_by_what_is_still_being_told(
    server: Server, watch: Watch
) -> None:
    server.objects = [deployment("a")]
    server.watches = [[]]
    watch.step()
    watch.kept.put(deployment("a", version=105, generation=2))
    server.watches = [[event("MODIFIED", deployment("a", version=103, generation=1))]]
    watch.step()
    assert watch.kept.all()["a"]["metadata"]["generation"] == 2


def test_another_of_the_same_name_outlives_the_end_of_the_first(server: Server, watch: Watch) -> None:
    server.objects = [deployment("a")]
    server.watches = [
        [
            event("ADDED", deployment("a", uid="u2", version=101)),
            event("DELETED", deployment("a", uid="u1", version=102)),
        ]
    ]
    watch.step()
    assert watch.kept.all()["a"]["metadata"]["uid"] == "u2"


class Seconds:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def view_of(server: Server, asking: Api, clock: Seconds) -> Watching:
    """All kinds were listed, and their watches are open."""
    watching = Watching(asking, "production", lambda _, error: None, clock)
    for each in watching._watches.values():
        server.watches = [[]]
        each.step()
        each.closed_at = None  # as while it is open
    server.asked.clear()
    return watching


def test_a_silent_cluster_is_asked_while_something_moves_and_at_rest_never(
    server: Server, asking: Api
) -> None:
    clock = Seconds()
    view = view_of(server, asking, clock)
    clock.now += 1.0
    assert view.look(moving=True)
    clock.now += 10.0
    assert view.look(moving=False)
    assert server.asked == []
    assert view.look(moving=True)
    assert [request.url.path for request in server.asked] == ["/version"]
    clock.now += 10.0
    server.answer = httpx2.ConnectError("refused")
    assert not view.look(moving=True), "nobody says that what is seen is what is"


def test_before_all_was_listed_and_while_a_watch_is_closed_nothing_is_seen(
    server: Server, asking: Api
) -> None:
    clock = Seconds()
    assert not Watching(asking, "production", lambda _, error: None, clock).look(moving=False)
    view = view_of(server, asking, clock)
    view._watches[WATCHED[0]].closed_at = clock.now
    assert view.look(moving=False), "the next one is on its way"
    clock.now += 3.0
    assert not view.look(moving=False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.Response(401, json={"message": "Unauthorized"}), RefusedError),
        (httpx2.Response(403, json={"message": 'deployments.apps "a" is forbidden'}), RefusedError),
        (httpx2.Response(404, json={"message": "not found"}), NotFoundError),
        (httpx2.Response(409, json={"message": "the object has been modified"}), ConflictError),
        (httpx2.Response(422, json={"message": "rejected", "details": {}}), ConflictError),
        (
            httpx2.Response(422, json={"message": "no", "details": {"causes": [{"field": "spec"}]}}),
            PlatformError,
        ),
        (httpx2.Response(429, text="slow down"), Unavailable),
        (httpx2.Response(500, text="<html>"), Unavailable),
        (httpx2.ConnectError("refused"), Unavailable),
        (httpx2.ReadTimeout("timed out"), Unavailable),
    ],
)
def test_a_change_that_is_refused_says_how_and_with_whose_words(
    server: Server, asking: Api, answer: httpx2.Response | Exception, error: type[CarelaneError]
) -> None:
    server.answer = answer
    changes: list[Callable[[], object]] = [
        lambda: asking.apply(Kind.DEPLOYMENT, "a", {}),
        lambda: asking.patch(Kind.ROUTE, "a", []),
        lambda: asking.scale("a", 3),
    ]
    for change in changes:
        with pytest.raises(error) as caught:
            change()
        assert type(caught.value) is error


def test_a_name_is_given_once_and_what_is_not_there_may_be_deleted(server: Server, asking: Api) -> None:
    server.answer = httpx2.Response(409, json={"message": "already exists", "reason": "AlreadyExists"})
    assert asking.create(Kind.JOB, {}) is None
    server.answer = httpx2.Response(409, json={"message": "quota: try again", "reason": "Conflict"})
    with pytest.raises(ConflictError, match="quota"):
        asking.create(Kind.JOB, {})
    server.answer = httpx2.Response(404, json={"message": "not found"})
    asking.delete(Kind.JOB, "migrate")
    assert server.asked[-1].url.params["propagationPolicy"] == "Background"


def test_what_is_set_is_set_as_ours_and_the_size_alone_by_its_subresource(
    server: Server, asking: Api
) -> None:
    asking.apply(Kind.DEPLOYMENT, "a", {"spec": {}})
    asking.scale("a", 3)
    applied, scaled = server.asked
    assert applied.url.params["fieldManager"] == "carelane"
    assert applied.headers["content-type"] == "application/apply-patch+yaml"
    assert scaled.url.path.endswith("/deployments/a/scale")
    assert json.loads(scaled.content) == {"spec": {"replicas": 3}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "not found"),
        ("{}", "clusters"),
        ("clusters: []\ncontexts: []\n", "No current context"),
        ("clusters: []\ncontexts: []\ncurrent-context: tests\n", "tests"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_is_one_clear_error(
    tmp_path: Path, text: str | None, words: str
) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        api.config(file)
    assert str(file) in str(caught.value)
    assert "kubectl --kubeconfig" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "bytes_"),
    [("64Mi", 64 << 20), ("1500k", 1_500_000), ("2.5Gi", 5 << 29), ("123", 123), ("500m", 0)],
)
def test_memory_is_read_as_any_quantity_is_written(
    server: Server, asking: Api, said: str, bytes_: int
) -> None:
    usage = {"metadata": {"resourceVersion": "1"}, "containers": [{"usage": {"memory": said}}]}
    server.says = usage
    assert asking.memory_bytes("backend-1") == bytes_


def test_a_quantity_that_is_none_is_an_error_of_ours(server: Server, asking: Api) -> None:
    server.says = {"containers": [{"usage": {"memory": "a lot"}}]}
    with pytest.raises(PlatformError, match="a lot"):
        asking.memory_bytes("backend-1")


def test_what_ends_with_an_environment_is_its_own_alone(server: Server, asking: Api) -> None:
    def made(owner: str | None) -> dict[str, Any]:
        marks = {} if owner is None else {OWNER: owner}
        found = deployment((owner or "earlier").replace("/", "-"))
        found["metadata"] |= {"labels": {SERVICE: "backend"}, "annotations": marks}
        return found

    server.objects = [made("clinic/production"), made("other/production"), made(None), deployment("nobody")]
    host = ClusterHost("production", "clinic/production", asking, Watching(asking, "p", _fails), NONE)
    assert host._there(Kind.DEPLOYMENT) == ["clinic-production", "earlier"]
