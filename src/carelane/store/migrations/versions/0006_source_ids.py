"""Where the sources' counters stood, by source id: until now they were the two proxies, in their order."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

analyses = sa.table(
    "analyses",
    sa.column("deployment", sa.Integer),
    sa.column("service", sa.String),
    sa.column("document", sa.Text),
    sa.column("sources", sa.Text),
)


def upgrade() -> None:
    _each(lambda sources: {f"proxy-{number}": one for number, one in enumerate(sources, 1)})


def downgrade() -> None:
    _each(lambda sources: [sources[name] for name in sorted(sources)])


def _each(changed: Callable[[Any], Any]) -> None:
    """The run itself is recorded without them, which is said in the same way."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(analyses)).all():
        run = json.loads(row.document)
        values = {
            "document": json.dumps({**run, "sources": changed(run["sources"])}),
            "sources": json.dumps(changed(json.loads(row.sources))),
        }
        of_this = (analyses.c.deployment == row.deployment) & (analyses.c.service == row.service)
        connection.execute(analyses.update().where(of_this).values(values))
