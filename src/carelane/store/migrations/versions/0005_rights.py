"""What else a token may do: making releases is a right of its own, which those that deploy keep."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("rights", sa.JSON, nullable=False, server_default="[]"))
    op.execute("UPDATE tokens SET rights = '[\"release\"]' WHERE environments != '[]'")


def downgrade() -> None:
    op.drop_column("tokens", "rights")
