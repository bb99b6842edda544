"""grades of mail and released addresses

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_GRADE_COLUMNS = ("grade", "grade_reason", "grade_contact", "grade_notice", "grade_since")


def upgrade() -> None:
    op.add_column("members", sa.Column("grade", sa.String(), nullable=True))
    op.add_column("members", sa.Column("grade_reason", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("members", sa.Column("grade_contact", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("members", sa.Column("grade_notice", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("members", sa.Column("grade_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in _GRADE_COLUMNS:
        op.drop_column("members", name)
