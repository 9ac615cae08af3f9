"""What a server recorded for single instances, as what is wanted of versions: in the middle of everything."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.environments import EnvironmentState, ServiceState
from carelane.delivery.releases import ServiceVersion
from carelane.delivery.replicas.fleet import Fleet
from carelane.store.database import open_sqlite
from carelane.store.deliveries import SqlRolloutRepository
from carelane.store.fleets import SqlFleets
from carelane.store.trail import SqlTrail
from tests.contract.schemas import as_of
from tests.fakes.releases import MADE_AT, version

SERVE, WARM = Copies(Purpose.SERVE), Copies(Purpose.WARM)
VERSIONS = {
    label: TypeAdapter(ServiceVersion).dump_python(version("web", label), mode="json")
    for label in ("v1", "v2")
}
STEPS = [{"kind": "weight", "percent": 25}, {"kind": "pause"}, {"kind": "weight", "percent": 50}]


def before(
    stable: str | None, canary: str | None, *instances: tuple[str, str], **more: object
) -> dict[str, Any]:
    """A service as it was recorded then."""
    made = [
        {"id": f"web-{n}", "service": "web", "label": label, "intent": intent, "since": MADE_AT.isoformat()}
        for n, (label, intent) in enumerate(instances, 1)
    ]
    nothing: dict[str, Any] = {
        "canary_percent": None,
        "previous": [],
        "migrated": [],
        "withdrawn": [],
        "watch": None,
    }
    there = {"stable": stable, "canary": canary, "versions": VERSIONS, "instances": made, "leaves_for": []}
    return {**nothing, **there, **more}


def opened(
    tmp_path: Path, service: dict[str, Any], rollout: dict[str, Any] | None
) -> tuple[ServiceState, Fleet]:
    """What a server of today makes of it."""
    path = tmp_path / "carelane.db"
    state = {
        "name": "production", "generation": 7, "started_instances": 4, "services": {"web": service},
        "release": "v1", "revision": 1, "deployment": None if rollout is None else 3, "shipped_by": 2,
        "opened_incidents": 0,
    }  # fmt: skip
    with as_of(path, "0006") as connection:
        connection.execute(
            sa.text("INSERT INTO environments VALUES ('production', 7, :document)"),
            {"document": json.dumps(state)},
        )
        if rollout is not None:
            connection.execute(
                sa.text("INSERT INTO deployments VALUES (3, 'production', '-', :document, '{}', '')"),
                {"document": json.dumps({"rollouts": {"web": {"to_label": "v2", **rollout}}})},
            )
    engine = open_sqlite(path)
    with engine.connect() as connection:
        document = connection.scalar(sa.text("SELECT document FROM environments"))
    read = TypeAdapter(EnvironmentState).validate_json(document or "")
    fleet = SqlFleets(engine, SqlTrail(engine)).fleet("production")
    if rollout is None:
        assert SqlRolloutRepository(engine, SqlTrail(engine)).snapshot("production").state == read
    engine.dispose()
    return read.services["web"], fleet


CANARY = {"phase": "Progressing", "step": 1, "strategy": {"kind": "canary", "steps": STEPS}}
ROLLING = {"phase": "Paused", "step": 0, "strategy": {"kind": "rolling", "steps": []}}
TWO = (("v1", "serve"), ("v2", "serve"))
WARM_V1 = [{"label": "v1", "until": MADE_AT.isoformat()}]


@pytest.mark.parametrize(
    ("service", "rollout", "home", "copies", "shares"),
    [
        (before("v1", None, ("v1", "serve"), ("v2", "drain")), None, "v1", {"v1": SERVE}, None),
        (
            before("v2", None, ("v1", "warm"), ("v2", "serve"), previous=WARM_V1),
            None, "v2", {"v1": WARM, "v2": SERVE}, None,
        ),
        (
            before("v1", "v2", *TWO, canary_percent=25),
            CANARY, "v1", {"v1": SERVE, "v2": Copies(Purpose.CANARY, 25)}, {"v1": 7500, "v2": 2500},
        ),
        (
            before("v1", "v2", ("v1", "warm"), ("v2", "serve"), canary_percent=100),
            {**CANARY, "step": 3, "phase": "Promoting"},
            "v1", {"v1": WARM, "v2": Copies(Purpose.CANARY, 50)}, {"v1": 0, "v2": 10_000},
        ),
        (before("v1", "v2", *TWO), ROLLING, "v2", {"v1": SERVE, "v2": SERVE}, None),
        (
            before("v1", "v2", *TWO, canary_percent=0),
            {**CANARY, "phase": "Aborting"}, "v1", {"v1": SERVE}, {"v1": 10_000, "v2": 0},
        ),
        (
            before("v1", "v2", *TWO),
            {**ROLLING, "phase": "Aborting"}, "v1", {"v1": SERVE, "v2": Copies(Purpose.SERVE, 0)}, None,
        ),
        (before("v1", None, *TWO, withdrawn=["v2"]), None, "v1", {"v1": SERVE}, None),
        (
            before(None, None, ("v2", "serve"), leaves_for=["site"]),
            None, "v2", {"v2": Copies(Purpose.SERVE, 0)}, {"v2": 1},
        ),
    ],
    ids=["at rest", "warm", "canary", "promoting", "rolling", "turning back", "back", "withdrawn", "leaving"],
)  # fmt: skip
def test_what_instances_were_meant_for_is_what_is_wanted_of_their_versions(
    tmp_path: Path,
    service: dict[str, Any],
    rollout: dict[str, Any] | None,
    home: str,
    copies: dict[str, Copies],
    shares: dict[str, int] | None,
) -> None:
    intents = [(i["id"], i["label"], i["intent"]) for i in service["instances"]]
    state, fleet = opened(tmp_path, service, rollout)
    assert (state.home, dict(state.copies), state.shares) == (home, copies, shares)
    assert [(i.id, i.label, i.intent.value) for i in fleet.instances] == intents
    assert fleet.started == 4
    assert set(fleet.versions["web"]) == {"v1", "v2"}
