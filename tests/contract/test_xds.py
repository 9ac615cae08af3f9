"""The process beside the proxies, as real Envoys see it."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carelane.delivery.releases import Probe
from carelane.delivery.replicas.routing import Endpoint, Routing, ServiceRoute, VersionRoute
from carelane.platforms.envoy import acceptance
from carelane.platforms.envoy.admin import Admin
from carelane.platforms.envoy.documents import FRONT, GOOD, PREVIEW, TAKEN, from_files
from carelane.platforms.envoy.proxies import BESIDE, PROXIES
from carelane.platforms.envoy.published import Published
from carelane.platforms.envoy.router import EnvoyRouter
from carelane.platforms.processes.shims import Shims
from carelane.platforms.processes.tcp_ports import free_port
from tests.contract import earlier_proxies, processes
from tests.contract.envoys import Envoys, answering
from tests.contract.proxies import healthy, refused, routing
from tests.load import Load
from tests.waiting import until

SLOW_MS = (800, 2000)
OWN_KEY = "0123456789abcdef" * 2
OTHER_BYTES = b"\xff\xfe\x00\x80"


def everything(ports: list[int]) -> Routing:
    """A routing with every kind of thing that a document may hold."""
    backend = ServiceRoute(
        ("/api", "/api/v2"),
        {
            "v1": VersionRoute(9000, (Endpoint("b1", ports[0]), Endpoint("b2", ports[1], draining=True))),
            "v2": VersionRoute(1000, (Endpoint("b3", ports[2]),), Probe("/ready", 0.5, 2.0, 4)),
        },
        canary="v2",
    )
    return Routing(3, {"frontend": ServiceRoute(("/",), {"v1": VersionRoute(1)}), "backend": backend})


class TestDeclaredApi:
    """The numbers in `xds.api`, against what the proxy itself understands of the same documents by name."""

    def test_a_proxy_understands_what_it_is_sent_as_it_understands_the_same_documents_in_files(
        self, tmp_path: Path
    ) -> None:
        taken: set[int] = set()
        for _ in range(11):
            taken.add(free_port(taken))
        numbers = sorted(taken)
        made = everything(numbers[:3])
        names = (FRONT, PREVIEW, "backend", "frontend")
        one = dict(zip(names, numbers[3:7], strict=True))
        with processes.shims(tmp_path / "by-file") as files, processes.shims(tmp_path / "proxies") as streams:
            folder = tmp_path / "files"
            earlier_proxies.begin(files, folder, one, PROXIES[:1])
            same = Published(folder, from_files(folder))
            same.begin(one, OWN_KEY, SLOW_MS)
            same.publish(made)
            inner = {name: one[name] for name in ("backend", "frontend")}
            router = EnvoyRouter(
                tmp_path / "envoy", one[FRONT], inner, streams, preview_port=one[PREVIEW], slow_ms=SLOW_MS
            )
            (tmp_path / "envoy").mkdir()
            (tmp_path / "envoy" / "own.key").write_text(OWN_KEY)
            router.begin()
            router.route(made)
            until(lambda: router.routed().generation == 3, 20.0, "the streamed documents are in force")
            by_file = Admin(files.folder(PROXIES[0]) / "admin.sock")
            until(lambda: len(understood(by_file)) == 14, 20.0, "the files are in force")
            assert understood(router.admins[PROXIES[0]]) == understood(by_file)
            for admin in (by_file, *router.admins.values()):
                admin._connection.close()


def understood(admin: Admin) -> dict[str, Any]:
    """What a proxy says that it has been told, by kind and name, but for where it was told."""
    dump = admin._get("/config_dump?include_eds") or {"configs": []}
    found: dict[str, Any] = {}
    for part in dump["configs"]:
        for key, kind in (
            ("dynamic_active_clusters", "cluster"),
            ("dynamic_route_configs", "route_config"),
            ("dynamic_endpoint_configs", "endpoint_config"),
            ("dynamic_listeners", "listener"),
        ):
            for entry in part.get(key, []):
                entry = entry.get("active_state", {}) if kind == "listener" else entry  # noqa: PLW2901
                if kind in entry:
                    document = without_source(entry[kind])
                    name = document.get("name") or document["cluster_name"]
                    found[f"{kind} {name}"] = document
    return found


def without_source(value: Any) -> Any:  # noqa: ANN401 - JSON is of any shape
    if isinstance(value, dict):
        return {k: without_source(v) for k, v in value.items() if k not in {"eds_config", "config_source"}}
    return [without_source(item) for item in value] if isinstance(value, list) else value


class TestTending(Envoys):
    """Proxies that end, hang or are of an earlier version."""

    def test_a_process_beside_that_is_killed_comes_back_and_nothing_is_sent_twice_or_lost(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims
    ) -> None:
        settle(router, ports)
        with Load(router._ports[FRONT], rate=100, connections=4) as load:
            for generation in range(2, 6):
                keeper.signal(BESIDE, signal.SIGKILL)
                router.route(routing(generation, {"v1": generation % 2, "v2": 1 - generation % 2}, ports))
                until(lambda g=generation: router.routed().generation == g, 15.0, "it is in force")  # type: ignore[misc]
        assert [a for a in load.answers if a.lost] == []
        assert len(load.answers) > 50

    def test_a_process_beside_that_is_just_starting_is_not_ended_by_being_told_to_look(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims
    ) -> None:
        settle(router, ports)
        for generation in range(2, 5):
            before = child(keeper, BESIDE)
            keeper.signal(BESIDE, signal.SIGKILL)
            until(lambda b=before: child(keeper, BESIDE) not in {b, 0}, 5.0, "its shim starts it again")  # type: ignore[misc]
            runs = run_of(keeper, BESIDE)
            router.route(routing(generation, {"v1": generation, "v2": 1}, ports))
            until(lambda g=generation: told_on(router, g), 15.0, "it is in force")  # type: ignore[misc]
            assert run_of(keeper, BESIDE) == runs

    def test_a_proxy_that_starts_while_the_process_beside_is_away_waits_for_it(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims
    ) -> None:
        settle(router, ports)
        keeper.signal(BESIDE, signal.SIGSTOP)
        os.kill(child(keeper, PROXIES[0]), signal.SIGKILL)
        until(router.admins[PROXIES[0]].answers, 10.0, "it is started again")
        assert router.routed().generation is None, "nobody knows what it took"
        assert router.ask("/", 2.0)[0] == 200, "the other goes on"
        keeper.signal(BESIDE, signal.SIGCONT)
        until(lambda: router.routed().generation == 1, 15.0, "it has everything again")

    @pytest.mark.parametrize("name", [PROXIES[0], BESIDE])
    def test_what_hangs_is_named_ended_and_started_again(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims, name: str
    ) -> None:
        settle(router, ports)
        assert router.tend() == ()
        before = child(keeper, name)
        keeper.signal(name, signal.SIGSTOP)
        said: list[str] = []
        until(lambda: hung(router, name, said), 20.0, "it is named")
        assert said == [f"{name}: has not answered for 5 s"]
        until(lambda: mended(router, keeper, name, before), 15.0, "it is another process, and all is well")
        router.route(routing(2, {"v1": 0, "v2": 1}, ports))
        until(lambda: router.routed().generation == 2, 10.0, "it takes what is new")

    def test_where_both_proxies_hang_the_look_that_finds_it_ends_both(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims
    ) -> None:
        settle(router, ports)
        before = {name: child(keeper, name) for name in PROXIES}
        for name in PROXIES:
            keeper.signal(name, signal.SIGSTOP)
        until(lambda: {t.proxy for t in router.tend()} == set(PROXIES), 20.0, "both are named")
        for name in PROXIES:
            until(lambda n=name: child(keeper, n) != before[n], 5.0, f"{name} is ended")  # type: ignore[misc]
        until(lambda: router.tend() == () and router.routed().generation == 1, 15.0, "all is well")
        assert router.ask("/", 2.0) == (200, b"v1")

    @pytest.mark.parametrize("what", ["routes-@front.json", "weights.json", "endpoints-backend~v1.json"])
    def test_a_document_that_is_damaged_is_written_again(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims, what: str
    ) -> None:
        settle(router, ports)
        (router._published.folder / what).write_text('{"version_info": "1", "resour')
        keeper.signal(BESIDE, signal.SIGHUP)
        until(lambda: what in router.routed().rejected, 10.0, "it is named")
        assert router.ask("/", 2.0) == (200, b"v1"), "the proxies go on with what they have"
        router.tend()
        until(lambda: router.routed().generation == 1, 10.0, "it is whole again")

    @pytest.mark.parametrize("content", [b'{"version_info": "1", "resour', b"\xff\xfe\x00\x80"])
    def test_what_is_lost_while_no_server_runs_is_lost_to_nobody(
        self, router: EnvoyRouter, another: Callable[[], EnvoyRouter], ports: dict[str, int], content: bytes
    ) -> None:
        settle(router, ports)
        folder, lost = router._published.folder, {"clusters.json", "routes-@front.json"}
        (folder / "clusters.json").write_bytes(content)
        (folder / "routes-@front.json").unlink()
        until(lambda: set(acceptance.said(folder.parent)[1]) == lost, 10.0, "the process beside has looked")
        again = another()
        with Load(again._ports[FRONT], rate=100, connections=4) as load:
            again.begin()
            assert (folder / "clusters.json").read_bytes() == content, "nothing empty is put in its place"
            assert not (folder / "routes-@front.json").exists()
            again.route(routing(1, {"v1": 1, "v2": 0}, ports))
            until(lambda: again.routed().generation == 1, 10.0, "it is whole again")
        for admin in again.admins.values():
            admin._connection.close()
        assert {a.status for a in load.answers} == {200}

    @pytest.mark.parametrize("what", ["clusters.json", "listeners.json", "endpoints-backend~v1.json", "."])
    def test_a_document_that_is_gone_takes_nothing_from_users_and_is_written_again(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims, what: str
    ) -> None:
        settle(router, ports)
        folder = router._published.folder
        lost = [folder / what] if what != "." else list(folder.iterdir())
        named = {path.name for path in lost if not path.name.startswith(".")}
        for path in lost:
            path.unlink()
        if what == ".":
            folder.rmdir()
            folder.mkdir()
        keeper.signal(BESIDE, signal.SIGHUP)
        until(lambda: all(name in router.routed().rejected for name in named), 10.0, "it is named")
        assert router.ask("/", 2.0) == (200, b"v1"), "the proxies go on with what they have"
        if what == ".":
            folder.rmdir()
        router.tend()
        until(lambda: router.routed().generation == 1, 10.0, "it is whole again")
        assert router.ask("/", 2.0) == (200, b"v1")

    @pytest.mark.parametrize("good", [True, False])
    @pytest.mark.parametrize("instead", ["nothing", "other bytes", "folder"])
    @pytest.mark.parametrize("what", ["clusters.json", "listeners.json"])
    def test_a_process_beside_that_starts_while_a_document_cannot_be_read_takes_nothing_from_users(
        self,
        router: EnvoyRouter,
        ports: dict[str, int],
        keeper: Shims,
        what: str,
        instead: str,
        good: bool,
    ) -> None:
        settle(router, ports)
        place = router._published.folder / what
        with Load(router._ports[FRONT], rate=100, connections=4) as load:
            spoil(place, instead)
            if not good:
                shutil.rmtree(place.parents[1] / GOOD)
            restart_beside(keeper, router)
            if good:
                before = child(keeper, PROXIES[0])
                keeper.signal(PROXIES[0], signal.SIGKILL)
                until(lambda: child(keeper, PROXIES[0]) not in {before, 0}, 10.0, "it is started again")
                until(
                    lambda: len(router.admins[PROXIES[0]].hosts() or {}) == 2, 10.0, "it knows the clusters"
                )
                until(lambda: healthy(router, "v1"), 10.0, "it finds them fit")
            until(lambda: mended_by(router), 20.0, "it is whole again")
        assert json.loads(place.read_text())["version_info"]
        assert {answer.status for answer in load.answers if not answer.lost} == {200}
        # What was under way in the proxy that was killed is lost; no other is.
        assert sum(answer.lost for answer in load.answers) <= (4 if good else 0)

    @pytest.mark.parametrize("good", [True, False])
    def test_a_server_that_starts_while_nobody_knows_the_documents_empties_none(
        self,
        router: EnvoyRouter,
        another: Callable[[], EnvoyRouter],
        ports: dict[str, int],
        keeper: Shims,
        good: bool,
    ) -> None:
        settle(router, ports)
        beside = router._published.folder.parent
        spoil(beside / "wanted" / "clusters.json", "other bytes")
        if not good:
            shutil.rmtree(beside / GOOD)
        restart_beside(keeper, router)
        keeper.signal(BESIDE, signal.SIGSTOP)
        until(lambda: stopped(child(keeper, BESIDE)), 5.0, "it is stopped")
        (beside / TAKEN).unlink()
        again = another()
        with Load(again._ports[FRONT], rate=100, connections=4) as load:
            again.begin()
            assert (beside / "wanted" / "clusters.json").read_bytes() == OTHER_BYTES, "it is left as it is"
            assert bool(again._published._clusters) == good
            keeper.signal(BESIDE, signal.SIGCONT)
            again.route(routing(1, {"v1": 1, "v2": 0}, ports))
            until(lambda: again.routed().generation == 1, 10.0, "it is whole again")
        for admin in again.admins.values():
            admin._connection.close()
        assert {answer.status for answer in load.answers} == {200}

    def test_a_folder_where_the_process_beside_says_what_was_taken_is_set_aside(
        self, router: EnvoyRouter, ports: dict[str, int]
    ) -> None:
        settle(router, ports)
        place = router._published.folder.parent / TAKEN
        spoil(place, "folder")
        until(lambda: router.routed().generation == 1, 10.0, "it says it again")

    def test_a_proxy_that_cannot_start_is_named_with_its_own_reason(
        self, router: EnvoyRouter, keeper: Shims
    ) -> None:
        (keeper.folder(PROXIES[1]) / "bootstrap.json").write_text('{"no_such_field": 1}')
        keeper.signal(PROXIES[1], signal.SIGKILL)
        said: list[str] = []
        until(lambda: hung(router, PROXIES[1], said), 20.0, "it is named")
        assert "has ended 3 times in a row: " in said[0]
        assert "no_such_field" in said[0]

    @pytest.mark.parametrize("instead", ["other bytes", "folder"])
    def test_a_bootstrap_that_cannot_be_read_is_written_again(
        self, router: EnvoyRouter, ports: dict[str, int], keeper: Shims, instead: str
    ) -> None:
        settle(router, ports)
        place = keeper.folder(PROXIES[0]) / "bootstrap.json"
        whole = place.read_text()
        spoil(place, instead)
        with Load(router._ports[FRONT], rate=100, connections=4) as load:
            until(lambda: router.tend() == () and place.is_file(), 30.0, "the proxy is replaced")
            until(lambda: mended_by(router), 20.0, "all is well")
        assert place.read_text() == whole
        assert {answer.status for answer in load.answers if not answer.lost} == {200}

    def test_proxies_of_an_earlier_version_are_told_by_files_until_they_are_replaced_one_by_one(
        self, another: Callable[[], EnvoyRouter], ports: dict[str, int], keeper: Shims, tmp_path: Path
    ) -> None:
        router = another()
        published = earlier_proxies.begin(keeper, tmp_path / "envoy", router._ports)
        published.publish(routing(1, {"v1": 1, "v2": 0}, ports))
        until(lambda: not refused(router, "/"), 10.0, "the front door answers")
        until(lambda: answering(router) == len(PROXIES), 10.0, "both answer")
        before = [child(keeper, name) for name in PROXIES]
        router.begin()
        assert [child(keeper, name) for name in PROXIES] == before, "they go on"
        settle(router, ports)
        generation = 1
        with Load(router._ports[FRONT], rate=100, connections=4) as load:
            give_up = time.monotonic() + 60
            while any(router._proxies.follows_files(name) for name in PROXIES):
                assert time.monotonic() < give_up, "they are not replaced"
                generation += 1
                router.route(routing(generation, {"v1": generation % 2, "v2": 1 - generation % 2}, ports))
                router.tend()
                assert any(admin.answers() for admin in router.admins.values()), "never both at once"
                time.sleep(0.3)  # the load goes on meanwhile: it is what is measured
            until(lambda: router.routed().generation == generation, 15.0, "both took it by the stream")
        assert [a for a in load.answers if a.lost] == []
        assert {a.status for a in load.answers} == {200}
        until(lambda: router.tend() == () and router._followed is None, 10.0, "no files are written any more")
        for admin in router.admins.values():
            admin._connection.close()


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "T"


def spoil(path: Path, instead: str) -> None:
    path.unlink()
    if instead == "other bytes":
        path.write_bytes(OTHER_BYTES)
    elif instead == "folder":
        path.mkdir()


def restart_beside(keeper: Shims, router: EnvoyRouter) -> None:
    """Kill the process beside the proxies and wait until the next one knows both of them, and they it."""
    folder = router._published.folder.parent
    before = child(keeper, BESIDE)
    keeper.signal(BESIDE, signal.SIGKILL)
    until(lambda: child(keeper, BESIDE) not in {before, 0}, 10.0, "its shim starts it again")

    def known() -> bool:
        said, _ = acceptance.said(folder)
        return len(said) == len(PROXIES) and all(s.since > keeper.started(BESIDE) for s in said.values())

    until(known, 15.0, "both proxies are connected")
    until(lambda: all("weights.json" in s.taken for s in acceptance.said(folder)[0].values()), 10.0, "told")


def mended_by(router: EnvoyRouter) -> bool:
    router.tend()
    return router.routed().generation == 1


def settle(router: EnvoyRouter, ports: dict[str, int]) -> None:
    router.route(routing(1, {"v1": 1, "v2": 0}, ports))
    until(lambda: healthy(router, "v1") and healthy(router, "v2"), 10.0, "both are healthy")
    until(lambda: router.routed().generation == 1, 10.0, "it is in force")


def child(keeper: Shims, name: str) -> int:
    status = keeper.status(name)
    assert status is not None
    return int(status["child"]["pid"]) if status["child"] else 0


def told_on(router: EnvoyRouter, generation: int) -> bool:
    """Whether it is in force; the process beside is told to look whenever that is asked."""
    router._proxies.nudge()
    return router.routed().generation == generation


def run_of(keeper: Shims, name: str) -> int:
    status = keeper.status(name)
    assert status is not None
    return int(status["run"])


def hung(router: EnvoyRouter, name: str, said: list[str]) -> bool:
    found = [trouble for trouble in router.tend() if trouble.proxy == name]
    said[:] = [f"{trouble.proxy}: {trouble.why}" for trouble in found]
    return bool(said)


def mended(router: EnvoyRouter, keeper: Shims, name: str, before: int) -> bool:
    return router.tend() == () and child(keeper, name) not in {before, 0}
