"""how much mailboxes hold, as their nodes tell

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("mailboxes", "used_mb")
    op.add_column("mailboxes", sa.Column("held_mb", sa.Integer(), server_default=sa.text("-1"), nullable=False))
    op.add_column("mailboxes", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mailboxes", sa.Column("use_told", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index("ix_mailboxes_want_held", "mailboxes", ["want", "held_mb", "id"], unique=False)
    op.create_index("ix_mailboxes_member_held", "mailboxes", ["member_id", "want", "held_mb", "id"], unique=False)
    few = sa.text("use_told > 0")
    columns = ["member_id", "want", "use_told", "id"]
    op.create_index("ix_mailboxes_nearly_full", "mailboxes", columns, sqlite_where=few, postgresql_where=few)
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at", "state"], unique=False)
    op.add_column("nodes", sa.Column("use_mark", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("nodes", sa.Column("use_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("nodes", sa.Column("use_whole_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "use_whole_at")
    op.drop_column("nodes", "use_asked_at")
    op.drop_column("nodes", "use_mark")
    op.drop_index("ix_jobs_finished_at", table_name="jobs")
    op.drop_index("ix_mailboxes_nearly_full", table_name="mailboxes")
    op.drop_index("ix_mailboxes_member_held", table_name="mailboxes")
    op.drop_index("ix_mailboxes_want_held", table_name="mailboxes")
    op.drop_column("mailboxes", "use_told")
    op.drop_column("mailboxes", "used_at")
    op.drop_column("mailboxes", "held_mb")
    op.add_column("mailboxes", sa.Column("used_mb", sa.Integer(), nullable=True))
