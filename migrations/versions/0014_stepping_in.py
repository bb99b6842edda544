"""stepping in

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "step_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ticket", sa.String(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_step_ins_user_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_step_ins_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_ins")),
    )
    op.create_index("ix_step_ins_member", "step_ins", ["member_id", "id"], unique=False)
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_step_ins_open", "step_ins", ["user_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "step_in_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("step_in_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("resource_name", sa.String(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["step_in_id"], ["step_ins.id"], name=op.f("fk_step_in_actions_step_in_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_step_in_actions_member_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_step_in_actions_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_in_actions")),
    )
    op.create_index("ix_step_in_actions_step_in", "step_in_actions", ["step_in_id", "id"], unique=False)
    op.create_table(
        "staff_looks",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_staff_looks_member_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_staff_looks_user_id")),
        sa.PrimaryKeyConstraint("member_id", "user_id", "day", name=op.f("pk_staff_looks")),
    )
    op.create_index("ix_staff_looks_member", "staff_looks", ["member_id", "at"], unique=False)
    op.create_table(
        "mailbox_holders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", _TIME, nullable=True),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("authority", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_mailbox_holders_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_holders")),
    )
    op.create_index("ix_mailbox_holders_mailbox", "mailbox_holders", ["mailbox_id", "id"], unique=False)
    op.create_table(
        "hand_overs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("done_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_hand_overs_user_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_hand_overs_member_id")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_hand_overs_invitation_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_overs")),
    )
    op.create_index("ix_hand_overs_grant_id", "hand_overs", ["grant_id"], unique=False)


def downgrade() -> None:
    for table in ("hand_overs", "mailbox_holders", "staff_looks", "step_in_actions", "step_ins"):
        op.drop_table(table)
