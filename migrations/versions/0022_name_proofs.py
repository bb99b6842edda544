"""whose domain names are, proofs of that, and zones on their way in

Mail domains that are there hold their names from now, as zones do.

Revision ID: 0022
Revises: 0021
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

PATH = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    waiting = sa.text("state = 'waiting'")
    op.create_table(
        "domain_names",
        sa.Column("space", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("space", "name", name=op.f("pk_domain_names")),
    )
    op.create_index(op.f("ix_domain_names_holder_id"), "domain_names", ["holder_id"], unique=False)
    op.create_index(op.f("ix_domain_names_path"), "domain_names", ["path"], unique=False)
    op.create_table(
        "name_proofs",
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("finding", sa.String(), nullable=False),
        sa.Column("elsewhere", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("holder_id", name=op.f("pk_name_proofs")),
    )
    op.create_index(
        "ix_name_proofs_due", "name_proofs", ["next_at"], unique=False, sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(op.f("ix_name_proofs_member_id"), "name_proofs", ["member_id"], unique=False)
    op.create_table(
        "zone_imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("zone_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("soa", sa.JSON(), nullable=True),
        sa.Column("sets", sa.JSON(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_zone_imports_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_imports")),
    )
    op.create_index(op.f("ix_zone_imports_created_at"), "zone_imports", ["created_at"], unique=False)
    op.create_index(op.f("ix_zone_imports_member_id"), "zone_imports", ["member_id"], unique=False)
    kept = sa.text("keep_ptr")
    op.create_index("ix_zone_sets_keep_ptr", "zone_sets", ["zone_id"], sqlite_where=kept, postgresql_where=kept)
    _hold_mail_domains()


def downgrade() -> None:
    op.drop_index("ix_zone_sets_keep_ptr", "zone_sets")
    op.drop_table("zone_imports")
    op.drop_table("name_proofs")
    op.drop_table("domain_names")
    op.execute("DELETE FROM names WHERE space = 'mail_domain'")


def _hold_mail_domains() -> None:
    link = op.get_bind()
    id_, member = sa.column("id", sa.Uuid()), sa.column("member_id", sa.Uuid())
    domains = sa.table("mail_domains", id_, member, sa.column("name", sa.String()))
    names = sa.table(
        "names",
        *(sa.column(name, sa.String()) for name in ("space", "name", "kind", "likeness")),
        sa.column("holder_id", sa.Uuid()),
        sa.column("claimed_at", sa.DateTime(timezone=True)),
    )
    held = sa.table(
        "domain_names",
        *(sa.column(name, sa.String()) for name in ("space", "name", "path")),
        sa.column("holder_id", sa.Uuid()),
        sa.column("member_id", sa.Uuid()),
        sa.column("proven", sa.Boolean()),
    )
    for row in link.execute(sa.select(domains)).all():
        same = {"space": "mail_domain", "name": row.name, "holder_id": row.id}
        now = datetime.now(UTC)
        link.execute(names.insert().values(**same, kind="mail_domain", likeness=_likeness(row.name), claimed_at=now))
        path = "".join(f"{label}." for label in reversed(row.name.split(".")))
        link.execute(held.insert().values(**same, path=path, member_id=row.member_id, proven=True))


def _likeness(name: str) -> str:
    for seen, meant in ((".", ""), ("-", ""), ("_", ""), ("0", "o"), ("1", "l"), ("rn", "m"), ("vv", "w")):
        name = name.replace(seen, meant)
    return name
