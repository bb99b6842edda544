"""alarms and health of nodes

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


TROUBLED = sa.text('problem_code IS NOT NULL')
OPEN = sa.text('cleared_at IS NULL')
UNTOLD = sa.text('told_at IS NULL OR cleared_at IS NOT NULL AND clear_told_at IS NULL')
KINDS = ('mail_domains', 'mailboxes', 'aliases')


def upgrade() -> None:
    op.create_table('alarms',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=True),
    sa.Column('params', sa.JSON(), nullable=False),
    sa.Column('raised_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cleared_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('clear_told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('retry_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alarms'))
    )
    with op.batch_alter_table('alarms', schema=None) as batch_op:
        batch_op.create_index('ix_alarms_open', ['key'], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
        batch_op.create_index('ix_alarms_untold', ['retry_at'], unique=False, sqlite_where=UNTOLD,
                              postgresql_where=UNTOLD)
        batch_op.create_index(batch_op.f('ix_alarms_told_at'), ['told_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_alarms_clear_told_at'), ['clear_told_at'], unique=False)

    op.create_table('workers',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_workers'))
    )
    for table in KINDS:
        op.create_index(f'ix_{table}_problem', table, ['node_id', 'problem_code'], unique=False,
                        sqlite_where=TROUBLED, postgresql_where=TROUBLED)
    with op.batch_alter_table('nodes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('health', sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column('health_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('nodes', 'health_at')
    op.drop_column('nodes', 'health')
    for table in KINDS:
        op.drop_index(f'ix_{table}_problem', table, sqlite_where=TROUBLED, postgresql_where=TROUBLED)
    op.drop_table('workers')
    op.drop_table('alarms')
