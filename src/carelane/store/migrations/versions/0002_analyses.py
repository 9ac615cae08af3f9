"""The judging of canaries: an analysis a deployment and service, and its windows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analyses",
        sa.Column("deployment", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("service", sa.String, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text),
    )
    op.create_table(
        "analysis_windows",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("deployment", sa.Integer, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_analysis_windows_of", "analysis_windows", ["deployment", "service"])


def downgrade() -> None:
    op.drop_table("analysis_windows")
    op.drop_table("analyses")
