"""mailboxes found by any three characters, and lists of a million by every order and state

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SUSPENDED = sa.text("suspended_at IS NOT NULL")
_TRIGGERS = {
    "new": "AFTER INSERT ON mailboxes BEGIN INSERT INTO mailbox_words (mailbox_id) VALUES (NEW.id); END",
    "renamed": "AFTER UPDATE OF address ON mailboxes WHEN NEW.address <> OLD.address "
    "BEGIN DELETE FROM mailbox_words WHERE mailbox_id = OLD.id; "
    "INSERT INTO mailbox_words (mailbox_id) VALUES (NEW.id); END",
    "gone": "AFTER DELETE ON mailboxes BEGIN DELETE FROM mailbox_words WHERE mailbox_id = OLD.id; END",
}


def upgrade() -> None:
    op.create_index("ix_mailboxes_member_quota", "mailboxes", ["member_id", "want", "quota_mb", "id"])
    op.create_index("ix_mailboxes_domain_address", "mailboxes", ["domain_id", "want", "address", "id"])
    op.create_index("ix_mailboxes_suspended", "mailboxes", ["member_id", "id"], sqlite_where=_SUSPENDED,
                    postgresql_where=_SUSPENDED)  # fmt: skip
    op.execute("UPDATE members SET folded = folded || ' ' || regon WHERE regon IS NOT NULL")
    if op.get_bind().dialect.name == "sqlite":
        _take_in_on_sqlite()
    else:
        op.execute(
            "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; "
            "CREATE INDEX ix_mailboxes_trigrams ON mailboxes USING gin (address gin_trgm_ops); "
            "EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN "
            "RAISE NOTICE 'no pg_trgm here: searches look through all addresses'; END $$"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in _TRIGGERS:
            op.execute(f"DROP TRIGGER mailbox_words_{name}")
        op.execute("DROP TABLE mailbox_trigrams")
        op.execute("DROP TABLE mailbox_words")
    else:  # The extension stays: others may use it.
        op.execute("DROP INDEX IF EXISTS ix_mailboxes_trigrams")
    for name in ("suspended", "domain_address", "member_quota"):
        op.drop_index(f"ix_mailboxes_{name}", table_name="mailboxes")


def _take_in_on_sqlite() -> None:
    op.execute(
        "CREATE TABLE mailbox_words (id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox_id CHAR(32) NOT NULL UNIQUE)"
    )
    op.execute(
        "CREATE VIRTUAL TABLE mailbox_trigrams USING fts5(local, content='', tokenize='trigram', detail='none')"
    )
    op.execute("INSERT INTO mailbox_words (mailbox_id) SELECT id FROM mailboxes ORDER BY id")
    op.execute(
        "INSERT INTO mailbox_trigrams (rowid, local) SELECT w.id, substr(m.address, 1, instr(m.address, '@')) "
        "FROM mailbox_words w JOIN mailboxes m ON m.id = w.mailbox_id ORDER BY w.id"
    )
    for name, trigger in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER mailbox_words_{name} {trigger}")
