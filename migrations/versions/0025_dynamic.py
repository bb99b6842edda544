"""keys by which programs change zones, what they changed, and keys of zones that roll

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zone_keys",
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_zone_keys_zone_id")),
        sa.PrimaryKeyConstraint("zone_id", name=op.f("pk_zone_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_zone_keys_name")),
    )
    with op.batch_alter_table("zone_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("serial", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("zones", schema=None) as batch_op:
        for name in ("wanted_ds", "confirmed_ds"):
            batch_op.add_column(sa.Column(name, sa.String(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("zones", schema=None) as batch_op:
        batch_op.drop_column("confirmed_ds")
        batch_op.drop_column("wanted_ds")
    with op.batch_alter_table("zone_versions", schema=None) as batch_op:
        batch_op.drop_column("serial")
    op.drop_table("zone_keys")
