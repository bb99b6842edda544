"""grants that end by themselves, who gave them, a way from a member to them, and people found by any spelling

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from panel.kernel.text import fold

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_tree",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_tree")),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("granted_by_id", sa.Uuid(), nullable=True))
        batch_op.add_column(
            sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
        )
        batch_op.create_index(batch_op.f("ix_grants_member_id"), ["member_id"], unique=False)
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.alter_column("granted_at", server_default=None)
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("folded", sa.String(), server_default="", nullable=False))
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.alter_column("folded", server_default=None)
    people = sa.table("users", *(sa.column(name) for name in ("id", "name", "email", "folded")))
    for row in op.get_bind().execute(sa.select(people)).all():
        folded = fold(f"{row.name} {row.email}")
        op.get_bind().execute(sa.update(people).where(people.c.id == row.id).values(folded=folded))


def downgrade() -> None:
    op.drop_table("member_tree")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("folded")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grants_member_id"))
        batch_op.drop_column("granted_at")
        batch_op.drop_column("granted_by_id")
        batch_op.drop_column("until")
