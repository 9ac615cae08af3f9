"""What replacing one version by another changes."""

from dataclasses import replace

from carelane.delivery.differences import Change, difference
from carelane.delivery.releases import Limits, Probe, SecretReference
from tests.fakes.releases import version


def test_each_setting_that_differs_is_told_by_its_place() -> None:
    before = version("backend", "v1")
    run = replace(before.run, environment={"A": "1", "B": "2"}, secrets={"KEY": SecretReference(1, file="k")})
    before = replace(before, run=run)
    after = replace(
        before,
        label="v2",
        run=replace(
            run,
            environment={"A": "1", "B": "", "C": "3"},
            secrets={"KEY": SecretReference(2, file="k")},
            readiness=Probe("/ready", period_seconds=9.0),
            limits=Limits(memory_bytes=512 << 20),
            migrate=("python", "-m", "m"),
        ),
    )
    found = difference(before, after)
    told = {change.setting: (change.before, change.after) for change in found.settings}
    assert told["environment.B"] == ("2", "")
    assert told["environment.C"] == (None, "3")
    assert told["secrets.KEY.version"] == ("1", "2")
    assert told["limits.memory_bytes"] == (None, str(512 << 20))
    assert "environment.A" not in told
    assert "readiness.path" not in told
    assert not found.code
    assert found.migrates == ("python", "-m", "m")


def test_of_what_is_new_no_setting_is_told() -> None:
    found = difference(None, version("backend", "v1"))
    assert (found.code, found.settings) == (True, ())


def test_other_code_alone_is_no_other_setting() -> None:
    before = version("backend", "v1")
    after = replace(version("backend", "v2"), run=before.run)
    assert difference(before, after).settings == ()
    assert difference(before, after).code is (before.artifact != after.artifact)
    assert Change("a", None, "1") != Change("a", "0", "1")
