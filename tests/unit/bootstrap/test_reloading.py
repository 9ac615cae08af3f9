"""What a server takes over from carelane.yaml while it runs, and what it leaves to a restart."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from carelane.audit.entries import Entry
from carelane.base.clock import ManualClock
from carelane.base.errors import ConflictError, InputError
from carelane.bootstrap.places import Places
from carelane.bootstrap.reloading import Reloading
from carelane.config import reading
from carelane.config.model import Configuration

TEXT = """\
system: clinic
services:
  api: {kind: web, source: [src], run: [serve]}
environments:
  staging: {port: 18081}
  production:
    port: 18082
    replicas: {api: 2}
    services: {api: {environment: {LEVEL: info}}}
    strategy: {use: blue-green, blue_green: {preview_port: 18092}}
    objectives: {slow_seconds: 0.8, error_ratio: 0.01}
    rollback: {keep_warm: 1}
notifications:
  team: {url: {variable: TEAM, version: 1}, acts: [deployment.failed]}
"""


@dataclass
class Bench:
    places: Places
    used: list[Configuration] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write()
        configuration = reading.read(TEXT)
        self.reloading = Reloading(
            self.places, configuration, self.used.append, self.entries.append, ManualClock()
        )

    def write(self, *changes: tuple[str, str]) -> None:
        text = TEXT
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        self.places.file.write_text(text)

    def told(self) -> tuple[list[str], list[str]]:
        found = self.reloading.differences()
        return [c.setting for c in found.changes], [c.setting for c in found.needs_restart]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Places(tmp_path))


def test_where_nothing_differs_nothing_is_recorded_and_nothing_is_used(bench: Bench) -> None:
    found = bench.reloading.reload("alice", "")
    assert (found.changes, found.needs_restart, bench.entries, bench.used) == ((), (), [], [])
    assert bench.reloading.remarks() == []


AT_ONCE = [
    ("{api: 2}", "{api: 3}", "environments.production.replicas.api"),
    ("    replicas: {api: 2}\n", "", "environments.production.replicas.api"),
    ("{environment: {LEVEL: info}}", "{replicas: 2}", "environments.production.services.api.replicas"),
    ("use: blue-green", "use: rolling", "environments.production.strategy.use"),
    ("error_ratio: 0.01", "error_ratio: 0.02", "environments.production.objectives.error_ratio"),
    ("keep_warm: 1", "keep_warm: 2", "environments.production.rollback.keep_warm"),
    ("[deployment.failed]", "[deployment.paused]", "notifications.team.acts"),
    ("variable: TEAM", "variable: OTHERS", "notifications.team.url.variable"),
]


@pytest.mark.parametrize(("old", "new", "setting"), AT_ONCE)
def test_policy_comes_into_force_with_an_entry(bench: Bench, old: str, new: str, setting: str) -> None:
    changes = [(old, new)]
    if "{replicas" in new:
        changes.append(("    replicas: {api: 2}\n", ""))
    bench.write(*changes)
    settings, restart = bench.told()
    assert setting in settings
    assert restart == []
    assert "`carelane reload`" in bench.reloading.remarks()[0]
    bench.reloading.reload("alice", "winter")
    (entry,) = bench.entries
    assert (entry.act, entry.actor, entry.reason) == ("configuration.reloaded", "alice", "winter")
    assert set(entry.details) == set(settings)
    assert bench.used == [reading.read(bench.places.file.read_text())] == [bench.reloading.used]
    assert bench.told() == ([], [])


WITH_A_RESTART = [
    ("port: 18082", "port: 18083", "environments.production.port"),
    (
        "preview_port: 18092",
        "preview_port: 18093",
        "environments.production.strategy.blue_green.preview_port",
    ),
    ("slow_seconds: 0.8", "slow_seconds: 0.9", "environments.production.objectives.slow_seconds"),
    ("  staging: {port: 18081}\n", "", "environments.staging"),
    ("  staging: {port: 18081}\n", "  staging: {port: 18081}\n  qa: {port: 1}\n", "environments.qa"),
    ("  api: {kind", "  web: {kind: web, source: [src], run: [serve]}\n  api: {kind", "services.web"),
    ("notifications:", "pipeline: {repository: a/b}\nnotifications:", "pipeline.repository"),
    ("system: clinic", "system: hospital", "system"),
]


@pytest.mark.parametrize(("old", "new", "setting"), WITH_A_RESTART)
def test_what_needs_a_restart_is_said_and_left_as_it_is(
    bench: Bench, old: str, new: str, setting: str
) -> None:
    bench.write((old, new), ("keep_warm: 1", "keep_warm: 2"))
    settings, restart = bench.told()
    assert settings == ["environments.production.rollback.keep_warm"]
    assert setting in restart
    bench.reloading.reload("alice", "")
    (used,) = bench.used
    assert used.environments["production"].rollback.keep_warm == 2
    assert (used.environments["production"].port, list(used.environments)) == (
        18082,
        ["staging", "production"],
    )
    assert bench.told() == ([], restart), "it still is"
    assert any("down --keep-running" in remark for remark in bench.reloading.remarks())


def test_what_services_are_comes_with_their_releases(bench: Bench) -> None:
    bench.write(
        ("run: [serve]", "run: [serve, -v], environment: {A: b}"), ("{LEVEL: info}", "{LEVEL: debug}")
    )
    assert bench.told() == ([], [])


def test_a_file_that_is_wrong_or_gone_changes_nothing(bench: Bench) -> None:
    bench.write(("{api: 2}", "{apo: 2}"))
    with pytest.raises(InputError, match="apo is no released service"):
        bench.reloading.reload("alice", "")
    assert "is wrong (carelane.yaml:8:16" in bench.reloading.remarks()[0]
    bench.places.file.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        bench.reloading.reload("alice", "")
    bench.places.file.write_bytes(b"\xff")
    assert "it is not UTF-8" in bench.reloading.remarks()[0]
    assert (bench.entries, bench.used) == ([], [])


def test_a_file_that_has_changed_since_it_was_looked_at_is_looked_at_again(bench: Bench) -> None:
    bench.write(("keep_warm: 1", "keep_warm: 2"))
    seen = bench.reloading.differences().digest
    bench.write(("keep_warm: 1", "keep_warm: 0"))
    with pytest.raises(ConflictError, match="has changed since it was looked at"):
        bench.reloading.reload("alice", "", seen)
    assert bench.used == []
    bench.write(("keep_warm: 1", "keep_warm: 2"))
    bench.reloading.reload("alice", "", seen)
    assert len(bench.used) == 1


def test_what_cannot_be_recorded_does_not_come_into_force(bench: Bench) -> None:
    def full(_: Entry) -> None:
        raise InputError("no room")

    reloading = Reloading(bench.places, reading.read(TEXT), bench.used.append, full, ManualClock())
    bench.write(("keep_warm: 1", "keep_warm: 2"))
    with pytest.raises(InputError, match="no room"):
        reloading.reload("alice", "")
    assert bench.used == []
    assert reloading.used.environments["production"].rollback.keep_warm == 1
