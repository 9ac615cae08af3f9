"""What `carelane status` says beside its table."""

from typing import Any

import pytest

from carelane.cli.status import nobody_warm


def environment(*copies: tuple[str, str, bool], seen: bool = True) -> dict[str, Any]:
    """One service, v1 of which is kept warm; copies are label, what they are meant to do, whether ready."""
    instances = [{"label": label, "intent": intent, "ready": ready} for label, intent, ready in copies]
    service = {"name": "web", "warm": ["v1"], "instances": instances}
    return {"name": "production", "services": [service], "seen": seen}


def test_what_is_warm_and_has_nobody_ready_is_named() -> None:
    [said] = nobody_warm(environment(("v2", "serve", True), ("v1", "warm", False), ("v1", "warm", False)))
    assert said.startswith("note: web v1, kept warm in production, has nobody ready just now")


@pytest.mark.parametrize(
    "there",
    [
        environment(("v1", "warm", True), ("v1", "warm", False)),
        environment(("v2", "serve", False)),
        environment(("v1", "serve", False)),
        environment(("v1", "warm", False), seen=False),
    ],
    ids=["one is ready", "nothing is kept", "it is the one that serves", "nobody knows"],
)
def test_else_nothing_is_said(there: dict[str, Any]) -> None:
    assert nobody_warm(there) == []
