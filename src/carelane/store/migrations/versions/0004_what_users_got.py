"""Incidents, and what users got of each version."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("environment", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("deployment", sa.Integer),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_incidents_opened", "incidents", ["opened_at"])
    op.create_table(
        "traffic",
        sa.Column("environment", sa.String, primary_key=True),
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("label", sa.String, primary_key=True),
        sa.Column("width_seconds", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("errors", sa.BigInteger, nullable=False),
        sa.Column("slow", sa.JSON, nullable=False),
    )
    op.create_index("ix_traffic_age", "traffic", ["width_seconds", "began_at"])


def downgrade() -> None:
    op.drop_table("traffic")
    op.drop_table("incidents")
