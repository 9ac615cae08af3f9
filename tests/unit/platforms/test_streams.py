"""One proxy's stream by the delta protocol: what it is told, and what it took."""

import errno
import json
import os
from pathlib import Path

import pytest

from carelane.platforms.envoy.published import replace
from carelane.platforms.envoy.xds.documents import (
    CLUSTERS,
    ENDPOINTS,
    LISTENERS,
    ROUTES,
    WEIGHTS,
    Document,
    Folder,
    Resource,
    Snapshot,
)
from carelane.platforms.envoy.xds.streams import Answer, Request, Stream


def document(*resources: tuple[str, str, str]) -> Document:
    """Of resources by type, name and version."""
    return Document("d", tuple(Resource(kind, name, version, None) for kind, name, version in resources))


def snapshot(**documents: Document) -> Snapshot:
    return Snapshot({f"{name}.json": made for name, made in documents.items()})


def told(stream: Stream, there: Snapshot) -> list[tuple[str, list[str], list[str]]]:
    return [(a.type, [r.name for r in a.resources], list(a.removed)) for a in stream.due(there)]


def take(stream: Stream, there: Snapshot) -> list[Answer]:
    """Send what is due and have all of it taken."""
    answers = list(stream.due(there))
    for answer in answers:
        stream.hear(Request(answer.type, nonce=answer.nonce))
    return answers


TWO = document((CLUSTERS, "a", "1"), (CLUSTERS, "b", "1"))


@pytest.fixture
def stream() -> Stream:
    made = Stream()
    made.hear(Request(CLUSTERS))
    return made


def test_the_first_answer_of_a_type_is_whole_and_later_ones_name_one_resource_each(stream: Stream) -> None:
    assert told(stream, snapshot(clusters=TWO)) == [(CLUSTERS, ["a", "b"], [])]
    later = document((CLUSTERS, "a", "2"), (CLUSTERS, "b", "2"))
    assert told(stream, snapshot(clusters=later)) == [(CLUSTERS, ["a"], []), (CLUSTERS, ["b"], [])]
    assert told(stream, snapshot(clusters=later)) == [], "nothing is sent twice"


def test_a_proxy_that_asks_for_everything_is_answered_even_where_there_is_nothing(stream: Stream) -> None:
    assert told(stream, snapshot(clusters=document())) == [(CLUSTERS, [], [])]
    assert told(stream, snapshot(clusters=document())) == []


def test_a_proxy_is_told_nothing_of_what_nobody_knows(stream: Stream) -> None:
    unknown = Document("", (), "it is damaged", known=False)
    assert told(stream, snapshot()) == []
    assert told(stream, snapshot(clusters=unknown)) == []
    again = Stream()
    again.hear(Request(CLUSTERS, has={"a": "1", "b": "1"}))
    again.hear(Request(LISTENERS, has={"x": "1"}))
    there = snapshot(clusters=unknown, listeners=document((LISTENERS, "x", "2")))
    assert told(again, there) == [(LISTENERS, ["x"], [])], "it keeps its clusters, and gets what is known"
    assert told(again, snapshot(clusters=TWO)) == []


def test_only_what_was_asked_for_by_name_is_told(stream: Stream) -> None:
    stream.hear(Request(ROUTES, wanted=("front",)))
    there = snapshot(routes=document((ROUTES, "front", "1"), (ROUTES, "other", "1")))
    assert (ROUTES, ["front"], []) in told(stream, there)
    stream.hear(Request(ROUTES, wanted=("other",)))
    assert told(stream, there) == [(ROUTES, ["other"], [])]


def test_weights_come_before_routes_and_routes_before_the_rest() -> None:
    stream = Stream()
    for kind in (LISTENERS, CLUSTERS):
        stream.hear(Request(kind))
    for kind in (ENDPOINTS, ROUTES, WEIGHTS):
        stream.hear(Request(kind, wanted=("x",)))
    there = document(*((kind, "x", "1") for kind in (LISTENERS, ENDPOINTS, CLUSTERS, ROUTES, WEIGHTS)))
    assert [kind for kind, _, _ in told(stream, snapshot(clusters=there, listeners=there))] == [
        WEIGHTS,
        ROUTES,
        CLUSTERS,
        ENDPOINTS,
        LISTENERS,
    ]


def test_it_has_taken_a_document_once_it_said_so_of_each_resource(stream: Stream) -> None:
    (answer,) = stream.due(snapshot(clusters=TWO))
    assert not stream.took(TWO)
    stream.hear(Request(CLUSTERS, nonce=answer.nonce))
    assert stream.took(TWO)
    assert not stream.took(document((CLUSTERS, "a", "2"))), "another version is not taken"
    assert not stream.took(Document("d", unreadable="broken"))


def test_what_leaves_is_taken_back_and_is_in_force_once_that_is_taken(stream: Stream) -> None:
    take(stream, snapshot(clusters=TWO))
    one = document((CLUSTERS, "a", "1"))
    (answer,) = stream.due(snapshot(clusters=one))
    assert (answer.resources, answer.removed) == ((), ("b",))
    assert not stream.took(one)
    stream.hear(Request(CLUSTERS, nonce=answer.nonce))
    assert stream.took(one)


def test_one_refused_is_named_and_not_sent_again_until_it_is_another(stream: Stream) -> None:
    take(stream, snapshot(clusters=TWO))
    bad = document((CLUSTERS, "a", "bad"), (CLUSTERS, "b", "1"))
    (answer,) = stream.due(snapshot(clusters=bad))
    stream.hear(Request(CLUSTERS, nonce=answer.nonce, error="value must be greater than 0"))
    assert stream.refused(bad) == "value must be greater than 0"
    assert not stream.took(bad)
    assert told(stream, snapshot(clusters=bad)) == []
    good = document((CLUSTERS, "a", "3"), (CLUSTERS, "b", "1"))
    assert stream.refused(good) == "", "a reason is of the version that was refused"
    take(stream, snapshot(clusters=good))
    assert stream.took(good)


def test_where_several_were_refused_together_each_is_sent_alone(stream: Stream) -> None:
    (answer,) = stream.due(snapshot(clusters=TWO))
    stream.hear(Request(CLUSTERS, nonce=answer.nonce, error="one of them"))
    assert stream.refused(TWO) == ""
    alone = list(stream.due(snapshot(clusters=TWO)))
    assert [[r.name for r in a.resources] for a in alone] == [["a"], ["b"]]
    stream.hear(Request(CLUSTERS, nonce=alone[0].nonce))
    stream.hear(Request(CLUSTERS, nonce=alone[1].nonce, error="b is wrong"))
    assert stream.refused(TWO) == "b is wrong"


def test_after_a_break_only_differences_are_sent() -> None:
    again = Stream()
    again.hear(Request(CLUSTERS, has={"a": "1", "b": "1", "gone": "1"}))
    assert again.took(document((CLUSTERS, "a", "1"))), "what it took before counts"
    changed = document((CLUSTERS, "a", "1"), (CLUSTERS, "b", "2"))
    assert told(again, snapshot(clusters=changed)) == [(CLUSTERS, ["b"], []), (CLUSTERS, [], ["gone"])]


def test_a_cluster_that_changed_gets_its_endpoints_again(stream: Stream) -> None:
    stream.hear(Request(ENDPOINTS, wanted=("a",)))
    there = [(CLUSTERS, "a", "1"), (ENDPOINTS, "a", "1")]
    take(stream, snapshot(clusters=document(*there)))
    there[0] = (CLUSTERS, "a", "2")
    changed = snapshot(clusters=document(*there))
    assert told(stream, changed) == [(CLUSTERS, ["a"], []), (ENDPOINTS, ["a"], [])]


def test_who_asks_once_more_for_what_it_had_gets_it_once_more(stream: Stream) -> None:
    stream.hear(Request(ENDPOINTS, wanted=("a",)))
    there = snapshot(all=document((ENDPOINTS, "a", "1")))
    take(stream, there)
    stream.hear(Request(ENDPOINTS, unwanted=("a",)))
    stream.hear(Request(ENDPOINTS, wanted=("a",)))
    assert told(stream, there) == [(ENDPOINTS, ["a"], [])]


def test_a_file_that_is_no_document_is_unreadable_and_the_others_are_read(tmp_path: Path) -> None:
    replace(tmp_path / "routes-a.json", "{")
    replace(tmp_path / "routes-b.json", '{"version_info": "7", "resources": [{"@type": "nothing"}]}')
    replace(tmp_path / "clusters.json", '{"version_info": "8", "resources": []}')
    read = Folder(tmp_path, tmp_path / "good").read().documents
    assert read["routes-a.json"].unreadable
    assert read["routes-b.json"].unreadable
    assert (read["clusters.json"].version, read["clusters.json"].unreadable) == ("8", "")


def test_what_is_damaged_or_gone_counts_as_it_was_and_is_unreadable(tmp_path: Path) -> None:
    written(tmp_path, "clusters.json", CLUSTERS, "a")
    written(tmp_path, "endpoints-a.json", ENDPOINTS, "a")
    folder = Folder(tmp_path, tmp_path / "good")
    whole = folder.read()
    replace(tmp_path / "clusters.json", "{")
    (tmp_path / "endpoints-a.json").unlink()
    read = folder.read()
    assert read.resources == whole.resources
    assert all(document.unreadable and not document.version for document in read.documents.values())
    assert folder.read() == read
    written(tmp_path, "clusters.json", CLUSTERS, "a")
    written(tmp_path, "endpoints-a.json", ENDPOINTS, "a")
    assert folder.read() == whole


@pytest.mark.parametrize("instead", ["other bytes", "folder", "loop"])
def test_whatever_stands_in_a_documents_place_keeps_no_other_from_being_read(
    tmp_path: Path, instead: str
) -> None:
    written(tmp_path, "clusters.json", CLUSTERS, "a")
    folder = Folder(tmp_path, tmp_path / "good")
    whole = folder.read()
    (tmp_path / "clusters.json").unlink()
    if instead == "other bytes":
        (tmp_path / "clusters.json").write_bytes(b"\xff\xfe\x00\x80")
    elif instead == "folder":
        (tmp_path / "clusters.json").mkdir()
    else:
        (tmp_path / "clusters.json").symlink_to("clusters.json")
    written(tmp_path, "routes.json", ENDPOINTS, "a")
    read = folder.read()
    assert read.documents["clusters.json"].unreadable
    assert read.resources[CLUSTERS] == whole.resources[CLUSTERS]
    assert read.documents["routes.json"].version == "1"
    assert Folder(tmp_path, tmp_path / "good").read().documents["clusters.json"].unreadable


def test_the_endpoints_of_a_cluster_that_left_are_gone_with_their_document(tmp_path: Path) -> None:
    written(tmp_path, "clusters.json", CLUSTERS, "a")
    written(tmp_path, "endpoints-a.json", ENDPOINTS, "a")
    folder = Folder(tmp_path, tmp_path / "good")
    folder.read()
    written(tmp_path, "clusters.json", CLUSTERS, "b")
    (tmp_path / "endpoints-a.json").unlink()
    assert list(folder.read().documents) == ["clusters.json"]


@pytest.mark.parametrize("instead", ["nothing", "other bytes", "folder"])
def test_a_process_that_starts_anew_knows_what_could_be_read_last(tmp_path: Path, instead: str) -> None:
    written(tmp_path, "clusters.json", CLUSTERS, "a")
    written(tmp_path, "endpoints-a.json", ENDPOINTS, "a")
    whole = kept(tmp_path)
    spoil(tmp_path / "clusters.json", instead)
    again = kept(tmp_path)
    assert again.resources == whole.resources
    assert again.knows(CLUSTERS)
    assert again.documents["clusters.json"].unreadable
    assert not again.documents["clusters.json"].version
    assert kept(tmp_path).resources == whole.resources, "and the one after it, too"


@pytest.mark.parametrize("instead", ["nothing", "other bytes", "folder"])
def test_what_was_never_read_is_not_known(tmp_path: Path, instead: str) -> None:
    written(tmp_path, "endpoints-a.json", ENDPOINTS, "a")
    spoil(tmp_path / "clusters.json", instead)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "clusters.json").write_text("neither is this")
    there = kept(tmp_path)
    assert not there.knows(CLUSTERS)
    assert not there.knows(LISTENERS)
    written(tmp_path, "listeners.json", LISTENERS, "a")
    assert kept(tmp_path).knows(LISTENERS)


def test_what_cannot_be_kept_is_not_remembered_as_it_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "clusters.json", CLUSTERS, "a")
    kept(tmp_path)
    written(tmp_path, "clusters.json", CLUSTERS, "b")
    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", _no_room)
        kept(tmp_path)
    spoil(tmp_path / "clusters.json", "nothing")
    assert not kept(tmp_path).knows(CLUSTERS), "the proxies have what is newer"


def _no_room(_path: Path, _data: bytes) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kept(folder: Path) -> Snapshot:
    """What a process that starts anew reads, and keeps for the next one."""
    made = Folder(folder, folder / "good")
    there = made.read()
    made.keep()
    return there


def spoil(path: Path, instead: str) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
    if instead == "other bytes":
        path.write_bytes(b"\xff\xfe\x00\x80")
    elif instead == "folder":
        path.mkdir()


def written(folder: Path, file: str, kind: str, name: str) -> None:
    """A document of one resource."""
    key = "cluster_name" if kind == ENDPOINTS else "name"
    resource = json.dumps({"@type": kind, key: name})
    replace(folder / file, f'{{"version_info": "1", "resources": [{resource}]}}')


def test_a_document_with_a_field_that_was_not_declared_says_which(tmp_path: Path) -> None:
    text = f'{{"version_info": "1", "resources": [{{"@type": "{CLUSTERS}", "name": "a", "nmae": "b"}}]}}'
    replace(tmp_path / "clusters.json", text)
    assert '"nmae"' in Folder(tmp_path, tmp_path / "good").read().documents["clusters.json"].unreadable
