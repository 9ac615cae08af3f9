"""What is wanted of each version is recorded with the environment, single instances in a fleet of their own.

Until now the environment had an intent for every instance, and what was wanted followed from those.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WHOLE = 10_000
MOVING = {"Progressing", "Paused", "Promoting"}
environments = sa.table("environments", sa.column("name", sa.String), sa.column("document", sa.Text))
deployments = sa.table("deployments", sa.column("number", sa.Integer), sa.column("document", sa.Text))
fleets = sa.table("fleets", sa.column("environment", sa.String), sa.column("document", sa.Text))


def upgrade() -> None:
    op.create_table(
        "fleets",
        sa.Column("environment", sa.String, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(environments)).all():
        state = json.loads(row.document)
        moving = _rollouts(connection, state.get("deployment"))
        fleet = {
            "environment": row.name,
            "started": state.pop("started_instances", 0),
            "crews": {n: {"instances": s["instances"]} for n, s in state["services"].items()},
            "versions": {n: s["versions"] for n, s in state["services"].items()},
        }
        state["services"] = {n: _wanted(s, moving.get(n)) for n, s in state["services"].items()}
        connection.execute(fleets.insert().values(environment=row.name, document=json.dumps(fleet)))
        _put(connection, row.name, state)


def downgrade() -> None:
    connection = op.get_bind()
    known = {row.environment: json.loads(row.document) for row in connection.execute(sa.select(fleets))}
    for row in connection.execute(sa.select(environments)).all():
        state, fleet = json.loads(row.document), known.get(row.name, {"started": 0, "crews": {}})
        state["started_instances"] = fleet["started"]
        for name, service in state["services"].items():
            shares = service.pop("shares")
            whole, trial = sum((shares or {}).values()), (shares or {}).get(service["canary"], 0)
            service["canary_percent"] = trial * 100 // whole if whole else None
            service["instances"] = fleet["crews"].get(name, {"instances": []})["instances"]
        _put(connection, row.name, state)
    op.drop_table("fleets")


def _put(connection: sa.Connection, name: str, state: dict[str, Any]) -> None:
    values = {"document": json.dumps(state)}
    connection.execute(environments.update().where(environments.c.name == name).values(values))


def _rollouts(connection: sa.Connection, number: int | None) -> dict[str, Any]:
    """The rollouts of the deployment under way that have begun and do not turn back."""
    found = sa.select(deployments.c.document).where(deployments.c.number == number)
    document = None if number is None else connection.execute(found).scalar()
    rollouts = {} if document is None else json.loads(document)["rollouts"]
    return {name: rollout for name, rollout in rollouts.items() if rollout["phase"] in MOVING}


def _wanted(service: dict[str, Any], rollout: dict[str, Any] | None) -> dict[str, Any]:
    """*service* with what is wanted of each version, as its instances were meant."""
    instances, percent = service.pop("instances"), service.pop("canary_percent", None)
    withdrawn = service.pop("withdrawn", [])
    stable, canary = service["stable"], service["canary"]
    serving = [i["label"] for i in instances if i["intent"] == "serve"]
    copies = {warm["label"]: _copies("warm") for warm in service["previous"]}
    home, shares = stable, None
    if stable is not None:
        copies[stable] = _copies("serve" if stable in serving or canary not in serving else "warm")
    if rollout is not None and rollout["strategy"]["steps"]:
        steps = rollout["strategy"]["steps"][: rollout["step"] + 1]
        size = max((step["percent"] for step in steps if step["kind"] in {"scale", "weight"}), default=0)
        copies[canary] = _copies("canary" if percent else "preview", size)
    elif rollout is not None:
        home, copies[rollout["to_label"]] = rollout["to_label"], _copies("serve")
    elif stable is None and serving:
        home, shares = serving[0], {label: serving.count(label) for label in serving}
        copies |= {label: _copies("serve", 0) for label in serving}
    if percent is not None and stable is not None:
        shares = {stable: WHOLE * (100 - percent) // 100}
        shares |= {} if canary is None else {canary: WHOLE * percent // 100}
    if shares is None:  # users may be with what serves beside that still
        copies |= {label: _copies("serve", 0) for label in serving if label not in {*copies, *withdrawn}}
    return {**service, "home": home, "copies": copies, "shares": shares}


def _copies(purpose: str, percent: int = 100) -> dict[str, Any]:
    return {"purpose": purpose, "percent": percent}
