"""orders and steps of suspension

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("contracts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("suspended_contact", sa.String(), server_default=sa.text("''"), nullable=False)
        )
        batch_op.create_index("ix_contracts_ended_on", ["ended_on"], unique=False)
        batch_op.create_index("ix_contracts_suspended", ["suspended"], unique=False)
    op.create_table(
        "contract_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_contract_tasks_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_tasks")),
        sa.UniqueConstraint("contract_id", "step", "last_day", name=op.f("uq_contract_tasks_contract_id_step_last_day")),
    )
    with op.batch_alter_table("contract_tasks", schema=None) as batch_op:
        batch_op.create_index("ix_contract_tasks_waiting", ["done_at", "dropped_at", "due_on"], unique=False)
    op.create_table(
        "contract_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("takes_on", sa.Date(), nullable=False),
        sa.Column("after_day", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_contract_steps_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_steps")),
    )
    with op.batch_alter_table("contract_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_steps_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index("ix_contract_steps_waiting", ["cancelled_at", "taken_at", "takes_on"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("ticket", sa.Uuid(), nullable=True),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("granted_by_id", sa.Uuid(), nullable=True),
        sa.Column("amendment_id", sa.Uuid(), nullable=True),
        sa.Column("live_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["amendment_id"], ["amendments.id"], name=op.f("fk_orders_amendment_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_orders_contract_id")),
        sa.ForeignKeyConstraint(["granted_by_id"], ["contracts.id"], name=op.f("fk_orders_granted_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_orders_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("member_id", "ticket", name=op.f("uq_orders_member_id_ticket")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_number")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_orders_member_id"), ["member_id"], unique=False)
        batch_op.create_index("ix_orders_state", ["state", "id"], unique=False)
    op.create_table(
        "usage_days",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_usage_days_member_id")),
        sa.PrimaryKeyConstraint("member_id", "kind", "day", name=op.f("pk_usage_days")),
    )
    with op.batch_alter_table("usage_days", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_days_day"), ["day"], unique=False)
    _take_over_suspensions()


def _take_over_suspensions() -> None:
    """Give each suspension that holds its step, so that it can be taken back like any other."""
    op.execute(
        sa.text(
            "INSERT INTO contract_steps (id, contract_id, why, level, takes_on, created_at, announced_at, taken_at,"
            " cancelled_by) SELECT id, id, 'suspension', suspended, date(updated_at), updated_at, updated_at,"
            " updated_at, '' FROM contracts WHERE suspended IS NOT NULL"
        )
    )


def downgrade() -> None:
    op.drop_table("usage_days")
    op.drop_table("orders")
    op.drop_table("contract_steps")
    op.drop_table("contract_tasks")
    with op.batch_alter_table("contracts", schema=None) as batch_op:
        batch_op.drop_index("ix_contracts_suspended")
        batch_op.drop_index("ix_contracts_ended_on")
        batch_op.drop_column("suspended_contact")
