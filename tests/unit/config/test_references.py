"""What a file refers to must be there: placeholders, services, routes."""

import pytest

from carelane.base.errors import InputError
from carelane.config import reading

TEXT = """\
system: clinic
services:
  backend:
    kind: web
    source: [src]
    run: [python, -m, backend, "--port=${port}"]
    migrate: [migrate, "${backing.database.url}"]
    routes: [/api]
    environment: {COSTS: "$${port}", URL: "${services.backend.url}"}
  frontend: {kind: web, source: [src], run: [serve], routes: [/]}
  database: {kind: backing, engine: postgresql}
environments:
  production: {port: 18082}
"""


def test_what_is_there_may_be_referred_to() -> None:
    assert set(reading.read(TEXT).services) == {"backend", "frontend", "database"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("--port=${port}", "--port=${prot}", "6:32: services.backend.run.3: ${prot} stands for nothing"),
        (
            "${backing.database.url}",
            "${backing.db.url}",
            "services.backend.migrate.1: backing.db is not there",
        ),
        ("${services.backend.url}", "${services.back.url}", "environment.URL: services.back is not there"),
        ("routes: [/]", "routes: [/api]", "services.frontend.routes.0: /api is backend's already"),
    ],
)
def test_what_is_not_there_is_one_line_with_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        reading.read(TEXT.replace(old, new))
    assert said in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
