"""Routes of a service: what they may say, and what becomes of it."""

import pytest

from carelane.config import reading
from carelane.config.model import Web
from carelane.config.translation import run_configuration
from carelane.delivery.releases import RouteSettings, RunConfiguration
from tests.unit.config.test_reading import lines, schema_errors, with_change


def run(routes: str) -> RunConfiguration:
    backend = reading.read(with_change("routes: [/api]", f"routes: {routes}")).services["backend"]
    assert isinstance(backend, Web)
    return run_configuration(backend)


def test_a_route_is_a_prefix_or_a_prefix_with_settings() -> None:
    made = run("[/api, {path: /live, timeout_seconds: 5, idle_timeout_seconds: 600, upgrades: []}]")
    assert made.routes == ("/api", "/live")
    assert made.route_settings == {"/live": RouteSettings(5.0, 600.0, 600.0, ())}


def test_a_long_form_that_says_nothing_is_the_short_one() -> None:
    assert run("[{path: /api}]") == run("[/api]") == run("[{path: /api, upgrades: [websocket]}]")
    assert run("[/api]").route_settings == {}, "releases of before are the same versions"


@pytest.mark.parametrize(
    ("routes", "what"),
    [
        ("[{path: api}]", "'api' is no route: write / or a prefix such as /api"),
        ("[{timeout_seconds: 5}]", "services.backend.routes.0.path: is missing"),
        ("[{path: /api, timeout: 5}]", "services.backend.routes.0.timeout: unknown key"),
        ("[{path: /api, timeout_seconds: 0}]", "greater than or equal to 0.001"),
        ("[{path: /api, upgrades: [h2c]}]", "'h2c' is nothing a connection may change to here"),
        ("[{path: /api, upgrades: websocket}]", "list"),
    ],
    ids=["prefix", "no path", "key", "no time", "h2c", "text"],
)
def test_a_wrong_setting_is_one_line_with_its_place(routes: str, what: str) -> None:
    (line,) = lines(with_change("routes: [/api]", f"routes: {routes}"))
    assert "services.backend.routes" in line
    assert what in line


@pytest.mark.parametrize("prefix", ["/api/", "/a?b", "/x#y"])
def test_a_route_that_the_proxy_would_reject_is_refused_here(prefix: str) -> None:
    (line,) = lines(with_change("routes: [/api]", f'routes: ["{prefix}"]'))
    assert "is no route" in line


@pytest.mark.parametrize("again", ["/api", "{path: /api, timeout_seconds: 5}"])
def test_each_route_leads_to_one_service(again: str) -> None:
    (line,) = lines(with_change("run: [python, -m, frontend]", f"run: [python]\n    routes: [/, {again}]"))
    assert line.startswith(
        "carelane.yaml:16:17: services.frontend.routes.1: /api is a route of backend already"
    )


def test_the_published_schema_knows_both_forms() -> None:
    assert schema_errors(with_change("routes: [/api]", "routes: [/api, {path: /live, upgrades: []}]")) == []
    assert schema_errors(with_change("routes: [/api]", "routes: [{path: api}]"))
    assert schema_errors(with_change("routes: [/api]", "routes: [{path: /api, upgrades: [h2 c]}]"))
