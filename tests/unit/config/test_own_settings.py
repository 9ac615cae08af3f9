"""What a service has otherwise in one environment."""

import pytest

from carelane.base.errors import NotFoundError
from carelane.config import reading, showing, translation
from carelane.delivery.releases import Limits, SecretReference
from tests.unit.config.test_reading import lines

TEXT = """\
system: clinic
services:
  api:
    kind: web
    source: [src]
    run: [python, -m, api]
    environment: {LEVEL: debug, KEY: insecure, URL: "${backing.database.url}"}
    secrets: {TOKEN: {file: secrets/token, version: 1}}
    limits: {memory: 1GiB, open_files: 64}
  jobs: {kind: worker, source: [src], run: [work]}
  database: {kind: backing, engine: postgresql}
environments:
  development: {port: 18080}
  production:
    port: 18082
    replicas: {jobs: 1}
    services:
      api:
        environment: {LEVEL: info, TOKEN: plain, WHERE: "${environment}"}
        secrets: {KEY: {file: secrets/key, version: 4}}
        limits: {memory: 2GiB}
        replicas: 3
"""


def with_own(settings: str) -> str:
    head, _, _ = TEXT.partition("    services:\n      api:\n        environment")
    return f"{head}    services: {settings}\n"


def test_they_are_added_to_what_the_service_says_or_come_in_its_place() -> None:
    configuration = reading.read(TEXT)
    runs = translation.runs_by_environment(configuration, "api")
    assert list(runs) == ["production"]
    usual = translation.run_configuration(translation.released(configuration)["api"])
    there = runs["production"]
    assert there.environment == {
        "LEVEL": "info",
        "TOKEN": "plain",
        "WHERE": "${environment}",
        "URL": "${backing.database.url}",
    }
    assert there.secrets == {"KEY": SecretReference(4, file="secrets/key")}, "a secret now"
    assert there.limits == Limits(2 << 30, 64)
    assert (usual.environment["LEVEL"], usual.limits) == ("debug", Limits(1 << 30, 64))
    assert translation.runs_by_environment(configuration, "jobs") == {}


def test_replicas_are_the_environments_policy_wherever_they_are_said() -> None:
    policy = translation.policy(reading.read(TEXT).environments["production"])
    assert policy.replicas == {"api": 3, "jobs": 1}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{apo: {}}", "production.services.apo: apo is no released service; there are: api, jobs"),
        ("{database: {}}", "database: database is no released service"),
        ("{api: {run: [x]}}", "production.services.api.run: unknown key"),
        (
            "{api: {environment: {A: off}}}",
            "api.environment.A: must be text, which YAML does not take off",
        ),
        ("{api: {environment: {A: $x}}}", "production.services.api.environment.A: unknown placeholder ${x}"),
        (
            "{jobs: {replicas: 1}}",
            "jobs.replicas: said twice: environments.production.replicas has jobs too",
        ),
        ("{jobs: {replicas: 2}}", "production.services.jobs.replicas: jobs is a worker: it never runs twice"),
        (
            "{api: {environment: {A: x}, secrets: {A: {file: f, version: 1}}}}",
            "production.services.api.secrets.A: A is in environment too: a variable is a text or a secret",
        ),
        ("{api: {limits: {memory: 3}}}", "production.services.api.limits.memory: "),
    ],
)
def test_each_mistake_is_said_with_its_place(settings: str, said: str) -> None:
    found = lines(with_own(settings))
    assert any(said in line for line in found), found


def test_a_service_cannot_have_a_text_and_a_secret_of_one_name() -> None:
    (line,) = lines(TEXT.replace("{TOKEN: {file", "{LEVEL: {file"))
    assert line.startswith("carelane.yaml:8:15: services.api.secrets.LEVEL: LEVEL is in environment too")


def test_what_is_shown_of_an_environment_is_what_runs_there_and_what_it_asks() -> None:
    configuration = reading.read(TEXT)
    found = showing.shown(configuration, "production")
    api = found["services"]["api"]
    assert api["environment"]["LEVEL"] == "info"
    assert api["limits"] == {"memory": "2GiB", "open_files": 64}
    assert api["secrets"] == {"KEY": {"file": "secrets/key", "version": 4}}
    assert found["replicas"] == {"api": 3, "jobs": 1}
    assert (found["port"], found["rollback"]["keep_warm"]) == (18082, 1)
    assert showing.shown(configuration, "development")["services"]["api"]["environment"]["LEVEL"] == "debug"
    assert found["analysis"]["later_alpha"] == 0.1
    with pytest.raises(NotFoundError, match="no environment 'prod'") as refused:
        showing.shown(configuration, "prod")
    assert refused.value.hint == "there are: development, production"
