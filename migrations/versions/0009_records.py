"""chain of events, messages and preferences of people

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

QUEUED = sa.text("state = 'queued'")
WORDS = "rows of this table are kept as they are"
ERASURE = "NOT (NEW.erased_by IS NOT NULL AND NEW.erased_by {differs} OLD.erased_by AND NEW.salt IS NULL)"
KEPT = {"events": "", "event_details": ERASURE, "event_chain": ""}


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("bundled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_queued", ["retry_at"], sqlite_where=QUEUED, postgresql_where=QUEUED)
        batch_op.create_index("ix_messages_user", ["user_id", "id"])
        batch_op.create_index("ix_messages_sent", ["sent_at"])
    op.create_table(
        "notice_preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notice_preferences_user_id")),
        sa.PrimaryKeyConstraint("user_id", "topic", name=op.f("pk_notice_preferences")),
    )
    op.create_table(
        "event_chain",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("details_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event_chain")),
        sa.UniqueConstraint("event_id", name=op.f("uq_event_chain_event_id")),
    )
    op.create_table(
        "event_anchors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_anchors")),
    )
    with op.batch_alter_table("event_anchors", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_anchors_at"), ["at"])
    op.add_column("event_details", sa.Column("salt", sa.LargeBinary(length=16), nullable=True))
    op.add_column("event_details", sa.Column("erased", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("event_details", sa.Column("erased_by", sa.Uuid(), nullable=True))
    random = sa.func.randomblob(16) if _is_sqlite() else sa.func.uuid_send(sa.func.gen_random_uuid())
    details = sa.table("event_details", sa.column("salt", sa.LargeBinary()))
    op.execute(details.update().values(salt=random))
    _keep()


def downgrade() -> None:
    for table in KEPT:
        for action in ("update", "delete") if _is_sqlite() else ("update", "delete", "truncate"):
            op.execute(f"DROP TRIGGER {table}_no_{action}" + ("" if _is_sqlite() else f" ON {table}"))
    if not _is_sqlite():
        op.execute("DROP FUNCTION cis_refuse()")
    op.drop_column("event_details", "erased_by")
    op.drop_column("event_details", "erased")
    op.drop_column("event_details", "salt")
    op.drop_table("event_anchors")
    op.drop_table("event_chain")
    op.drop_table("notice_preferences")
    op.drop_table("messages")


def _keep() -> None:
    """The database itself refuses to change what happened."""
    if not _is_sqlite():
        op.execute(
            "CREATE OR REPLACE FUNCTION cis_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{WORDS}'; END $$"
        )
    for table, erasure in KEPT.items():
        for action, condition in (("UPDATE", erasure), ("DELETE", "")):
            differs = "IS NOT" if _is_sqlite() else "IS DISTINCT FROM"
            when = f"WHEN ({condition.format(differs=differs)})" if condition else ""
            begin = f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}"
            if _is_sqlite():
                op.execute(f"{begin} {when} BEGIN SELECT RAISE(ABORT, '{WORDS}'); END")
            else:
                op.execute(f"{begin} FOR EACH ROW {when} EXECUTE FUNCTION cis_refuse()")
        if not _is_sqlite():
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION cis_refuse()"
            )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
