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
_LIKE = ((".", ""), ("-", ""), ("_", ""), ("0", "o"), ("1", "l"), ("rn", "m"), ("vv", "w"))


def upgrade() -> None:
    op.add_column("members", sa.Column("grade", sa.String(), nullable=True))
    op.add_column("members", sa.Column("grade_reason", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("members", sa.Column("grade_contact", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("members", sa.Column("grade_notice", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("members", sa.Column("grade_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("names", sa.Column("likeness", sa.String(), server_default=sa.text("''"), nullable=False))
    op.execute(sa.text(f"UPDATE names SET likeness = {_likeness()}"))
    op.create_index("ix_names_likeness", "names", ["likeness"], unique=False)
    op.create_table(
        "released_names",
        sa.Column("space", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("space", "name", name=op.f("pk_released_names")),
    )


def downgrade() -> None:
    op.drop_table("released_names")
    op.drop_index("ix_names_likeness", table_name="names")
    op.drop_column("names", "likeness")
    for name in _GRADE_COLUMNS:
        op.drop_column("members", name)


def _likeness() -> str:
    """SQL for `panel.kernel.text.likeness` of a name as it was when this was written."""
    expression = "name"
    for seen, meant in _LIKE:
        expression = f"replace({expression}, '{seen}', '{meant}')"
    return expression
