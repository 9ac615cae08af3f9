from dataclasses import replace

from carelane.delivery.releases import labelled
from tests.fakes.releases import WEB, release, version


def test_a_service_that_a_release_does_not_change_keeps_its_label() -> None:
    first = release("v1", {"backend": version("backend", "v1"), "frontend": version("frontend", "v1")})
    made = {"backend": version("backend", "v2"), "frontend": version("frontend", "v2", content="v1")}

    named = labelled(made, [first])

    assert named["frontend"] == first.versions["frontend"]
    assert named["backend"].label == "v2"


def test_a_service_that_runs_in_another_way_gets_a_label_of_its_own() -> None:
    first = release("v1", {"backend": version("backend", "v1")})
    slower = replace(WEB, drain_seconds=30.0)

    named = labelled({"backend": version("backend", "v2", slower, content="v1")}, [first])

    assert named["backend"].label == "v2"


def test_a_version_that_comes_back_has_the_label_of_the_first_release_that_had_it() -> None:
    known = [
        release("v1", {"backend": version("backend", "v1")}),
        release("v2", {"backend": version("backend", "v2")}),
        release("v3", {"backend": version("backend", "v1")}),
    ]

    named = labelled({"backend": version("backend", "v4", content="v1")}, known)

    assert named["backend"].label == "v1"


def test_the_same_bytes_under_another_service_are_no_twin() -> None:
    first = release("v1", {"backend": version("backend", "v1")})
    alien = replace(first.versions["backend"], service="frontend", label="v2")

    assert labelled({"frontend": alien}, [first])["frontend"].label == "v2"


def test_nothing_is_the_same_as_no_version() -> None:
    assert not version("backend", "v1").same_as(None)
