"""zones, their sets of records and their versions

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    due, scheduled = sa.text("seen_generation < wanted_generation"), sa.text("look_at IS NOT NULL")
    troubled, signed = sa.text("problem_code IS NOT NULL"), sa.text("dnssec AND want = 'put'")
    op.create_table(
        "zones",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("dnssec", sa.Boolean(), nullable=False),
        sa.Column("leaving", sa.Boolean(), nullable=False),
        sa.Column("updates", sa.String(), nullable=False),
        sa.Column("soa_mname", sa.String(), nullable=False),
        sa.Column("soa_rname", sa.String(), nullable=False),
        sa.Column("soa_refresh", sa.Integer(), nullable=False),
        sa.Column("soa_retry", sa.Integer(), nullable=False),
        sa.Column("soa_expire", sa.Integer(), nullable=False),
        sa.Column("soa_minimum", sa.Integer(), nullable=False),
        sa.Column("soa_ttl", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seen_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("held", sa.String(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("serial_floor", sa.BigInteger(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("silent", sa.String(), nullable=False),
        sa.Column("ds", sa.JSON(), nullable=False),
        sa.Column("signatures_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parent_ds", sa.String(), nullable=False),
        sa.Column("parent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parent_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("want", sa.String(), nullable=False),
        sa.Column("wanted_generation", sa.Integer(), nullable=False),
        sa.Column("sent_generation", sa.Integer(), nullable=False),
        sa.Column("applied_generation", sa.Integer(), nullable=False),
        sa.Column("seen_generation", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_how", sa.String(), nullable=True),
        sa.Column("problem_code", sa.String(), nullable=True),
        sa.Column("problem_message", sa.String(), nullable=True),
        sa.Column("problem_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_zones_member_id")),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_zones_node_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zones")),
    )
    op.create_index("ix_zones_due", "zones", ["node_id", "id"], unique=False, sqlite_where=due, postgresql_where=due)
    op.create_index("ix_zones_facts", "zones", ["node_id", "facts_at"], unique=False)
    op.create_index(
        "ix_zones_look",
        "zones",
        ["node_id", "look_at"],
        unique=False,
        sqlite_where=scheduled,
        postgresql_where=scheduled,
    )
    op.create_index("ix_zones_member_id", "zones", ["member_id", "want", "id"], unique=False)
    op.create_index("ix_zones_member_name", "zones", ["member_id", "want", "name", "id"], unique=False)
    op.create_index(op.f("ix_zones_name"), "zones", ["name"], unique=False)
    op.create_index(
        "ix_zones_problem",
        "zones",
        ["node_id", "problem_code"],
        unique=False,
        sqlite_where=troubled,
        postgresql_where=troubled,
    )
    op.create_index(
        "ix_zones_signatures", "zones", ["signatures_until"], unique=False, sqlite_where=signed, postgresql_where=signed
    )
    op.create_index("ix_zones_want_id", "zones", ["want", "id"], unique=False)
    op.create_index("ix_zones_want_name", "zones", ["want", "name", "id"], unique=False)
    op.create_table(
        "zone_sets",
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("ttl", sa.Integer(), nullable=False),
        sa.Column("rdata", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("overridden", sa.Boolean(), nullable=False),
        sa.Column("keep_ptr", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_zone_sets_zone_id")),
        sa.PrimaryKeyConstraint("zone_id", "name", "type", name=op.f("pk_zone_sets")),
    )
    op.create_table(
        "zone_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_zone_versions_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_versions")),
        sa.UniqueConstraint("zone_id", "number", name=op.f("uq_zone_versions_zone_id_number")),
    )
    op.create_index("ix_zone_versions_generation", "zone_versions", ["zone_id", "generation"], unique=False)


def downgrade() -> None:
    op.drop_table("zone_versions")
    op.drop_table("zone_sets")
    op.drop_table("zones")
