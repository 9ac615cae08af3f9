"""Answers are found by their age: each claim of a key drops those that are a day old."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_answers_at", "answers", ["at"])


def downgrade() -> None:
    op.drop_index("ix_answers_at", "answers")
