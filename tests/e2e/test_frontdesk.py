"""A team's own system: uploads, events, a WebSocket, a worker with PostgreSQL, own values, secrets.

Everything in it is by the documentation alone (docs/configuration.md); one system goes through every way of
shipping, in the order below, with visitors all the time.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.systems.frontdesk import KEYS, Frontdesk
from tests.systems.frontdesk.visitors import Seen, visiting
from tests.waiting import until


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    """v1 in staging and production."""
    system = Frontdesk(tmp_path_factory.mktemp("frontdesk") / "system")
    system.describe()
    system.up()
    system.release("v1")
    for environment in ("staging", "production"):
        ran = system.run("deploy", environment, "--release", "v1", "--wait", timeout=120)
        assert ran.code == 0, f"{ran.err}\n{system.log()}"
    yield system
    system.down()


def through(desk: Frontdesk, way: Callable[[Seen], None], *, leaves: bool = False) -> Seen:
    """Go a *way* with visitors, who were there before and stay a while: nothing is lost, nothing doubled."""
    with visiting(desk.port) as seen:
        until(lambda: len(seen.done) == 5, 20, "one of each kind has been served")
        way(seen)
        before = seen.done.copy()
        until(lambda: seen.done["page"] > before["page"] + 20, 20, "they go on")
    ended = "said: ConnectionClosedError: received 1012 (service restart)"
    assert [lost for lost in seen.lost if not (leaves and lost.startswith(ended))] == []
    assert seen.done["upload"] >= 1
    mine = set(seen.letters)
    until(lambda: all(by for i, by in letters(desk).items() if i in mine), 20, "every letter is sent")
    assert [i for i, by in letters(desk).items() if len(by) != 1 and i in mine] == [], "once"
    return seen


def letters(desk: Frontdesk) -> dict[int, list[str]]:
    return {int(number): by for number, by in desk.get(desk.port, "/letters").items()}


def deployed(desk: Frontdesk, *words: str) -> Callable[[Seen], None]:
    def way(_: Seen) -> None:
        ran = desk.run(*words, "--wait", timeout=120)
        assert ran.code == 0, f"{ran.out}\n{ran.err}\n{desk.log()}"

    return way


def running(desk: Frontdesk) -> dict[str, Any]:
    return {service["name"]: service["stable"] for service in desk.environment()["services"]}


def test_the_same_release_has_each_environments_own_values_and_secrets(desk: Frontdesk) -> None:
    pages = {port: desk.get(port) for port in (desk.staging_port, desk.port)}
    assert [page["greeting"] for page in pages.values()] == ["rehearsal", "welcome"]
    keys = {page["key"] for page in pages.values()}
    assert keys == {hashlib.sha256(key.encode()).hexdigest() for key in KEYS.values()}
    shown = desk.must("release", "show", "v1")
    assert "in staging, portal: environment.GREETING: welcome -> rehearsal" in shown


def test_a_rolling_replacement_loses_nothing(desk: Frontdesk) -> None:
    desk.release("v2")
    seen = through(desk, deployed(desk, "deploy", "production", "--release", "v2"))
    assert seen.versions == {"v1", "v2"}
    assert running(desk) == {"portal": "v2", "letters": "v2"}


def test_a_canary_that_a_person_promotes_loses_nothing(desk: Frontdesk) -> None:
    desk.release("v3")

    def way(seen: Seen) -> None:
        desk.must("deploy", "production", "--release", "v3", "--strategy", "canary")
        desk.until_phase("Paused", 60)
        until(lambda: {"v2", "v3"} <= seen.versions, 20, "both have users")
        deployed(desk, "rollout", "promote", "production")(seen)

    through(desk, way)
    assert running(desk) == {"portal": "v3", "letters": "v3"}


def test_blue_green_loses_nothing(desk: Frontdesk) -> None:
    desk.release("v4")
    through(desk, deployed(desk, "deploy", "production", "--release", "v4", "--strategy", "blue-green"))
    assert running(desk) == {"portal": "v4", "letters": "v4"}


def test_a_rollback_loses_nothing(desk: Frontdesk) -> None:
    through(desk, deployed(desk, "rollback", "production", "--reason", "the page looked better before"))
    assert running(desk) == {"portal": "v3", "letters": "v3"}


def test_an_emergency_rollback_loses_nothing_and_is_there_at_once(desk: Frontdesk) -> None:
    desk.release("v5")
    deployed(desk, "deploy", "production", "--release", "v5")(Seen())

    def way(seen: Seen) -> None:
        said = desk.must("emergency-rollback", "production", "--reason", "every fifth answer is wrong")
        assert "portal      switched to v3" in said
        seen.versions.clear()
        until(lambda: seen.versions == {"v3"}, 10, "users are back")
        desk.until_phase("Succeeded", 60)

    through(desk, way, leaves=True)  # nobody keeps what is left warm: its WebSockets end with its drain time
    assert running(desk) == {"portal": "v3", "letters": "v3"}


def test_a_restart_and_a_change_of_staging_alone_lose_nothing(desk: Frontdesk) -> None:
    def way(_: Seen) -> None:
        desk.must("restart", "production", "portal", "--wait")
        desk.must("scale", "production", "portal", "--replicas", "3")
        until(lambda: desk.service("portal")["ready"] == 3, 30, "a third one")
        desk.must("deploy", "staging", "--release", "v3", "--wait")

    through(desk, way)
