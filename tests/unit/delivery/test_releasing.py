import pytest

from carelane.base.clock import ManualClock
from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.delivery.releasing import Releasing
from tests.fakes.releases import digest
from tests.fakes.repository import InMemoryRepository
from tests.fakes.sources import FakeSources
from tests.fakes.trail import InMemoryTrail


class Bench:
    def __init__(self, **commits: dict[str, str]) -> None:
        self.trail = InMemoryTrail()
        self.sources = FakeSources(dict(commits), remark="is not as it should be")
        self.releasing = Releasing(self.sources, InMemoryRepository(self.trail), ManualClock())


def test_a_release_is_made_once_and_asking_again_gives_the_same() -> None:
    bench = Bench(v1={"backend": "b1"})
    made = bench.releasing.create("v1", None, "alice")
    again = bench.releasing.create("v1", None, "bob")

    assert (made.is_new, again.is_new) == (True, False)
    assert again.release == made.release
    assert bench.sources.packed == ["b1", "b1"]  # what was lost of it would be there again
    assert [p.entry.act for p in bench.trail.after(0)] == ["release.created"]


def test_a_name_that_belongs_to_another_commit_is_refused() -> None:
    bench = Bench(v1={"backend": "b1"}, v2={"backend": "b2"})
    bench.releasing.create("v1", "first", "alice")
    with pytest.raises(ConflictError, match="release first is of commit"):
        bench.releasing.create("v2", "first", "alice")


def test_an_unchanged_service_keeps_its_label_from_release_to_release() -> None:
    bench = Bench(v1={"backend": "b1", "frontend": "f1"}, v2={"backend": "b1", "frontend": "f2"})
    bench.releasing.create("v1", None, "alice")
    second = bench.releasing.create("v2", None, "alice").release
    assert {s: v.label for s, v in second.versions.items()} == {"backend": "v1", "frontend": "v2"}


@pytest.mark.parametrize("name", ["a b", "../up", "v1/x", "~", "ä", "v" * 64, "..", "-", "--help", "_1"])
def test_a_name_that_could_not_be_a_label_is_refused_before_anything_is_packed(name: str) -> None:
    bench = Bench(v1={"backend": "b1"})
    with pytest.raises(InputError, match="cannot be a release's name"):
        bench.releasing.create("v1", name, "alice")
    assert bench.sources.packed == []


IMAGE, OTHER = (f"registry.example/backend@sha256:{digit * 64}" for digit in "ab")


def test_a_release_keeps_the_images_that_it_was_made_with() -> None:
    bench = Bench(v1={"backend": "b1"})
    made = bench.releasing.create("v1", None, "alice", images={"backend": IMAGE})
    assert made.release.versions["backend"].artifact.image == IMAGE
    assert bench.releasing.create("v1", None, "alice").release == made.release
    with pytest.raises(ConflictError, match=f"release v1 has {IMAGE} for backend, not {OTHER}"):
        bench.releasing.create("v1", None, "alice", images={"backend": OTHER})


def test_another_image_is_another_version_though_the_files_are_the_same() -> None:
    bench = Bench(v1={"backend": "b1"}, v2={"backend": "b1"}, v3={"backend": "b1"})
    bench.releasing.create("v1", None, "alice", images={"backend": IMAGE})
    labels = [
        bench.releasing.create(name, None, "alice", images={"backend": image})
        .release.versions["backend"]
        .label
        for name, image in (("v2", IMAGE), ("v3", OTHER))
    ]
    assert labels == ["v1", "v3"]


@pytest.mark.parametrize(
    ("service", "image", "said"),
    [
        ("backend", "registry.example/backend:1", "is not named by its digest"),
        ("backend", "registry.example/backend@sha256:abc", "is not named by its digest"),
        ("backend", f"{IMAGE}\n", "is not named by its digest"),
    ],
)
def test_an_image_that_leads_nowhere_is_refused_before_anything_is_packed(
    service: str, image: str, said: str
) -> None:
    bench = Bench(v1={"backend": "b1"})
    with pytest.raises(InputError, match=said):
        bench.releasing.create("v1", None, "alice", images={service: image})
    assert bench.sources.packed == []


def test_an_image_of_a_service_that_the_commit_has_not_is_refused_before_anything_is_packed() -> None:
    bench = Bench(v1={"backend": "b1"})
    with pytest.raises(NotFoundError, match="which is no released service of commit"):
        bench.releasing.create("v1", None, "alice", images={"api": IMAGE})
    assert bench.sources.packed == []


OWN = digest("v1")[:40]


@pytest.mark.parametrize(
    "name", ["db96442eaf3f", "DB96442EAF3F", "1234567", "20261128", "deadbeef", OWN[:12].upper(), "f" * 63]
)
@pytest.mark.parametrize("given", [True, False])
def test_a_name_that_reads_as_another_commit_is_refused_before_anything_is_packed(
    name: str, given: bool
) -> None:
    """Given by hand, or as the commit's tag: `deploy --release` of that commit would ship this one."""
    bench = Bench(v1={"backend": "b1"})
    bench.sources.tag = name
    with pytest.raises(InputError, match="it reads as another commit") as refused:
        bench.releasing.create("v1", name if given else None, "alice")
    assert "--name" in refused.value.hint
    assert bench.sources.packed == []
    assert bench.releasing.create("v1", "good", "alice").is_new


@pytest.mark.parametrize("name", [OWN[:7], OWN[:12], OWN, "abcdef", "v1234567", "2026-11-28", "0x1234567"])
def test_a_name_that_is_its_own_commits_beginning_or_no_commits_is_taken(name: str) -> None:
    bench = Bench(v1={"backend": "b1"})
    assert bench.releasing.create("v1", name, "alice").release.name == name


@pytest.mark.parametrize("fenced_only", [True, False])
def test_how_it_is_to_be_packed_and_what_was_remarked_is_passed_on(*, fenced_only: bool) -> None:
    bench = Bench(v1={"backend": "b1"})
    made = bench.releasing.create("v1", None, "token ci", fenced_only=fenced_only)
    assert [packing.fenced_only for packing in bench.sources.packings] == [fenced_only]
    assert made.remarks == ("b1 is not as it should be",)
    (entry,) = [p.entry for p in bench.trail.after(0)]
    assert entry.details["remarks"] == ["b1 is not as it should be"]
