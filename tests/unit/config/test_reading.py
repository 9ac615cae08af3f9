"""Each mistake is one line with its place, its path, and what would be right."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from carelane.base.errors import InputError
from carelane.bootstrap.offline import configuration_schema
from carelane.config import reading
from carelane.config.model import Web
from carelane.delivery.strategies import StrategyKind
from localhub.base import errors as localhub_errors
from localhub.hub import settings

GOOD = """\
system: clinic
services:
  backend:
    kind: web
    source: [src/backend]
    run: [python, -m, backend]
    routes: [/api]
    probes: {readiness: {path: /ready}}
    environment: {DATABASE_URL: "${backing.database.url}"}
    secrets: {KEY: {file: secrets/key, version: 1}}
    limits: {memory: 512MiB}
  frontend:
    kind: web
    source: [src/frontend]
    run: [python, -m, frontend]
    environment: {BACKEND_URL: "${services.backend.url}"}
  reminders:
    kind: worker
    source: [src/reminders]
    run: [python, -m, reminders]
  database: {kind: backing, engine: postgresql}
environments:
  staging: {port: 18081}
  production:
    port: 18082
    replicas: {backend: 2}
    strategy: {rolling: {max_unavailable: "25%", max_surge: 1}}
    rollback: {keep_warm: 2}
"""
LINE = re.compile(r"^carelane\.yaml:\d+:\d+: .+$")


def lines(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        reading.read(text)
    found = caught.value.message.split("\n")
    assert all(LINE.match(line) for line in found), found
    return found


def with_change(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_a_correct_file_is_read() -> None:
    configuration = reading.read(GOOD)
    backend = configuration.services["backend"]
    assert isinstance(backend, Web)
    assert backend.limits.memory_bytes == 512 << 20
    rolling = configuration.environments["production"].strategy.rolling
    assert rolling is not None
    assert rolling.max_unavailable == "25%"
    assert configuration.environments["staging"].strategy.used is StrategyKind.ROLLING


def test_services_keep_the_order_they_are_declared_in() -> None:
    assert list(reading.read(GOOD).services) == ["backend", "frontend", "reminders", "database"]


MISTAKES: list[tuple[str, str, str]] = [
    # unknown keys, with the nearest known one
    (
        "    routes: [/api]",
        "    rutes: [/api]",
        "7:5: services.backend.rutes: unknown key; did you mean routes?",
    ),
    (
        "rollback: {keep_warm: 2}",
        "rollback: {keep_worm: 2}",
        "28:16: environments.production.rollback.keep_worm: unknown key; did you mean keep_warm?",
    ),
    ("system: clinic", "system: clinic\nzebra: 1", "2:1: zebra: unknown key"),
    ("limits: {memory: 512MiB}", "limits: {zzzzz: 2}", "11:14: services.backend.limits.zzzzz: unknown key"),
    # wrong types and values out of range
    (
        "port: 18081",
        "port: many",
        "23:13: environments.staging.port: must be a valid integer, not 'many'",
    ),
    (
        "port: 18081",
        "port: 99999",
        "23:13: environments.staging.port: must be less than or equal to 65535, not 99999",
    ),
    (
        "replicas: {backend: 2}",
        "replicas: {backend: 0}",
        "26:16: environments.production.replicas.backend: must be greater than or equal to 1, not 0",
    ),
    (
        "system: clinic",
        "system: clinic\npipeline: {repository: acme/clinic, home_memory_mb: 1048577}",
        "2:37: pipeline.home_memory_mb: must be less than or equal to 1048576, not 1048577",
    ),
    (
        "system: clinic",
        "system: clinic\npipeline: {repository: acme/clinic, home_memory_mb: 0}",
        "2:37: pipeline.home_memory_mb: must be greater than or equal to 1, not 0",
    ),
    (
        "system: clinic",
        "system: My Clinic",
        "1:1: system: 'My Clinic' is not of the form ^[a-z][a-z0-9-]{0,39}$",
    ),
    (
        "routes: [/api]",
        "routes: [api]",
        "7:14: services.backend.routes.0: 'api' is no route: write / or a prefix such as /api",
    ),
    (
        "limits: {memory: 512MiB}",
        "limits: {memory: 512M}",
        "11:14: services.backend.limits.memory: '512M' is not of the form ^(\\d+)\\s*(KiB|MiB|GiB)$",
    ),
    (
        "run: [python, -m, backend]",
        "run: python -m backend",
        "6:5: services.backend.run: must be a valid list, not 'python -m backend'",
    ),
    (
        "run: [python, -m, backend]",
        "run: []",
        "6:5: services.backend.run: List must have at least 1 item after validation, not 0",
    ),
    # missing
    ("    run: [python, -m, reminders]\n", "", "17:3: services.reminders.run: is missing"),
    ("system: clinic\n", "", "1:1: system: is missing"),
    (
        "{port: 18081}",
        "{}",
        "23:3: environments.staging: port is missing: the front door's address on loopback",
    ),
    # kinds
    ("kind: worker", "kind: wroker", "17:3: services.reminders: kind must be web, worker or backing"),
    ("    kind: worker\n", "", "17:3: services.reminders: kind must be web, worker or backing"),
    (
        "engine: postgresql",
        "engine: mysql",
        "21:29: services.database.engine: must be 'postgresql', not 'mysql'",
    ),
    # secrets
    (
        "{file: secrets/key, version: 1}",
        "{version: 1}",
        "10:15: services.backend.secrets.KEY: a secret is found in either a file, a variable or a key of a Secret: say one of them",  # noqa: E501 - what is said
    ),
    (
        "{file: secrets/key, version: 1}",
        "{file: a, variable: B, version: 1}",
        "10:15: services.backend.secrets.KEY: a secret is found in either a file, a variable or a key of a Secret: say one of them",  # noqa: E501 - what is said
    ),
    # across the file
    (
        "port: 18082",
        "port: 18081",
        "22:1: environments: production and staging both want port 18081: each needs its own",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[m[2].split(": ")[1] for m in MISTAKES])
def test_each_mistake_gives_exactly_one_line(old: str, new: str, said: str) -> None:
    assert lines(with_change(old, new)) == [f"carelane.yaml:{said}"]


@pytest.mark.parametrize("at_most", ["slots: 64", "home_memory_mb: 1048576"])
def test_what_a_pipeline_may_have_at_most_localhub_takes_too(tmp_path: Path, at_most: str) -> None:
    """Else carelane takes the file, and its pipeline does not start."""
    key, value = at_most.split(": ")
    found = reading.read(
        with_change("system: clinic", f"system: clinic\npipeline: {{repository: acme/clinic, {at_most}}}")
    )
    assert getattr(found.pipeline, key) == int(value)
    file = tmp_path / "localhub.yaml"
    file.write_text(at_most)
    assert getattr(settings.read(file, tmp_path), key) == int(value)
    file.write_text(f"{key}: {int(value) + 1}")
    with pytest.raises(localhub_errors.InputError):
        settings.read(file, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "place", "path"),
    [
        ("max_surge: 1", "max_surge: -1", "27:", "environments.production.strategy.rolling.max_surge"),
        (
            'max_unavailable: "25%"',
            "max_unavailable: lots",
            "27:",
            "environments.production.strategy.rolling.max_unavailable",
        ),
        (
            '{rolling: {max_unavailable: "25%", max_surge: 1}}',
            "bluegreen",
            "27:",
            "environments.production.strategy",
        ),
        (
            "{rolling: {max_unavailable",
            "{rollling: {max_unavailable",
            "27:",
            "environments.production.strategy.rollling",
        ),
    ],
    ids=["surge", "unavailable", "strategy", "key"],
)
def test_a_mistake_where_several_forms_are_allowed_is_one_line_too(
    old: str, new: str, place: str, path: str
) -> None:
    found = lines(with_change(old, new))
    assert len(found) == 1
    assert found[0].startswith(f"carelane.yaml:{place}")
    assert f": {path}: " in found[0]


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        (
            "replicas: {backend: 2}",
            "replicas: {backnd: 2}",
            "26:16",
            "backnd is no released service; there are: backend, frontend, reminders",
        ),
        (
            "replicas: {backend: 2}",
            "replicas: {database: 2}",
            "26:16",
            "database is no released service; there are: backend, frontend, reminders",
        ),
        (
            'strategy: {rolling: {max_unavailable: "25%", max_surge: 1}}',
            "strategy: {use: canary, services: {reminders: rolling}}",
            "27:40",
            "reminders is no web service; there are: backend, frontend",
        ),
        (
            "${services.backend.url}",
            "${services.bckend.url}",
            "16:19",
            "services.bckend is not there; there are: backend, frontend",
        ),
        (
            "${services.backend.url}",
            "${services.reminders.url}",
            "16:19",
            "services.reminders is not there; there are: backend, frontend",
        ),
        (
            "${backing.database.url}",
            "${backing.db.url}",
            "9:19",
            "backing.db is not there; there are: database",
        ),
        (
            "staging: {port: 18081}",
            "staging: {port: 18081, backing: {db: {variable: X, version: 1}}}",
            "23:36",
            "db is no backing service; there are: database",
        ),
    ],
    ids=[
        "replicas",
        "replicas of a database",
        "strategy",
        "services",
        "services of a worker",
        "backing",
        "own database",
    ],
)
def test_what_is_named_but_not_there_is_one_line_that_says_what_is(
    old: str, new: str, place: str, what: str
) -> None:
    (line,) = lines(with_change(old, new))
    assert line.startswith(f"carelane.yaml:{place}: ")
    assert line.endswith(what)


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        (
            "run: [python, -m, backend]",
            "run: [python, '${prot}']",
            "6:19",
            "services.backend.run.1: unknown placeholder ${prot}; did you mean ${port}?",
        ),
        (
            "run: [python, -m, backend]",
            "run: [python]\n    migrate: [up, '${services.nobody.url}']",
            "7:19",
            "services.backend.migrate.1: services.nobody is not there; there are: backend, frontend",
        ),
        (
            "${services.backend.url}",
            "${services.backend}",
            "16:19",
            "unknown placeholder ${services.backend}; did you mean ${services.backend.url}?",
        ),
        (
            "${services.backend.url}",
            "$PORT",
            "16:19",
            "services.frontend.environment.BACKEND_URL: unknown placeholder ${PORT}; did you mean ${port}?",
        ),
        ("${services.backend.url}", "5 $", "16:19", "a $ begins a placeholder; write $$ for a dollar sign"),
    ],
    ids=["run", "migrate", "no url", "without braces", "a lone dollar"],
)
def test_what_cannot_be_filled_in_is_one_line_that_says_what_can(
    old: str, new: str, place: str, what: str
) -> None:
    (line,) = lines(with_change(old, new))
    assert line.startswith(f"carelane.yaml:{place}: ")
    assert line.endswith(what)


@pytest.mark.parametrize("fine", ["$$HOME", "${version} of ${commit}", "${services.backend.url}/x", "plain"])
def test_what_can_be_filled_in_is_fine(fine: str) -> None:
    reading.read(with_change("${services.backend.url}", fine))


def test_wrong_names_are_told_together_with_wrong_types_from_the_top_down() -> None:
    wrong = with_change("run: [python, -m, frontend]", "run: [python, '${prot}']").replace("18081", "many")
    assert [line.partition(" ")[0] for line in lines(wrong)] == [
        "carelane.yaml:15:19:",
        "carelane.yaml:23:13:",
    ]


def test_a_service_of_an_unknown_kind_is_one_mistake_not_two() -> None:
    (line,) = lines(with_change("kind: backing", "kind: [databse]"))
    assert line.endswith("kind must be web, worker or backing")


def test_several_mistakes_are_all_told_at_once() -> None:
    text = with_change("port: 18081", "port: 0").replace("keep_warm: 2", "keep_warm: 99")
    assert len(lines(text)) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [("port: 18081", "port: true"), ("backend: 2}", "backend: yes}"), ("keep_warm: 2", "keep_warm: on")],
)
def test_yes_and_no_are_no_numbers(old: str, new: str) -> None:
    assert len(lines(with_change(old, new))) == 1


# -- the published schema


def schema_errors(text: str) -> list[Any]:
    return list(jsonschema.Draft202012Validator(configuration_schema()).iter_errors(yaml.safe_load(text)))


def test_the_published_schema_is_one_and_holds_a_correct_file_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(configuration_schema())
    assert schema_errors(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"), MISTAKES[:16], ids=[m[2].split(": ")[1] for m in MISTAKES[:16]]
)
def test_the_published_schema_finds_the_same_mistakes(old: str, new: str, said: str) -> None:
    assert schema_errors(with_change(old, new))


@pytest.mark.parametrize("path", ["/etc", "../other", "src/../../other"])
def test_what_is_packed_lies_within_the_system(path: str) -> None:
    (line,) = lines(with_change("source: [src/backend]", f"source: [{path}]"))
    assert line.startswith("carelane.yaml:5:")
    assert "leads out of the system's folder" in line
